import type { Context } from 'koa';
import getRawBody from 'raw-body';
import { MatrixError } from '../errors.ts';
import { isRecord } from '../json.ts';

const tooLarge = (limit: number): MatrixError =>
  new MatrixError('M_TOO_LARGE', `The request body is larger than ${limit} bytes`);
const notJson = (text: string): MatrixError => new MatrixError('M_NOT_JSON', text);
const badJson = (text: string): MatrixError => new MatrixError('M_BAD_JSON', text);

const DANGEROUS_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * The JSON object in a request's body, whatever its content type; `{}` for an empty body. Of a body that the host has read
 * before, its text is parsed again if the host's parser has kept it, else what the host has made of it is taken.
 * @param isNeeded whether a request without a body is refused
 * @throws MatrixError `M_TOO_LARGE`, `M_NOT_JSON`, `M_BAD_JSON`
 */
export async function readJsonBody(
  ctx: Context,
  limit: number,
  isNeeded = false,
): Promise<Readonly<Record<string, unknown>>> {
  if ((ctx.request.length ?? 0) > limit) throw tooLarge(limit);
  if (isNeeded && !hasBody(ctx)) throw notJson('Content not JSON.');
  const read = readByHost(ctx.request) ?? (await readText(ctx, limit));
  if (typeof read === 'string' && Buffer.byteLength(read) > limit) throw tooLarge(limit);
  const value = typeof read === 'string' ? parse(read) : read;
  if (!isRecord(value)) throw badJson('The request body must be a JSON object');
  if (hasDangerousKey(value)) throw badJson('The request body has a key that is not allowed');
  return value;
}

/** RFC 9112, "Message Body Length". */
const hasBody = ({ request }: Context): boolean => Boolean(request.length) || request.get('transfer-encoding') !== '';

/** What the usual body parsers leave behind: the body's text rather than what was made of it. */
function readByHost(request: object): unknown {
  if ('rawBody' in request && typeof request.rawBody === 'string') return request.rawBody;
  return 'body' in request ? request.body : undefined;
}

async function readText(ctx: Context, limit: number): Promise<string> {
  if (!['', 'identity'].includes(ctx.get('content-encoding'))) {
    throw new MatrixError('M_NOT_JSON', 'Compressed request bodies are not supported', { status: 415 });
  }
  const bytes = await readBytes(ctx, limit);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notJson('The request body contains invalid UTF-8');
  }
}

async function readBytes(ctx: Context, limit: number): Promise<Buffer> {
  // A parser of the host that gave up half-way has left nothing to read; waiting for it would never end.
  if (ctx.req.readableDidRead) throw notJson('The request body was not read whole');
  try {
    const reading = getRawBody(ctx.req, { limit });
    // A parser of the host that refused the body before it read any has paused it.
    ctx.req.resume();
    return await reading;
  } catch (error) {
    if (isRecord(error) && error.type === 'entity.too.large') throw tooLarge(limit);
    throw notJson('The request body did not arrive whole');
  }
}

function parse(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw notJson('The request body could not be decoded into valid JSON');
  }
}

/** Keys that would reach an object's prototype; looked for in depth without recursion, since bodies may nest deeply. */
function hasDangerousKey(root: Readonly<Record<string, unknown>>): boolean {
  const open: object[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    for (const key of Object.keys(value)) {
      if (DANGEROUS_KEYS.has(key)) return true;
      const child: unknown = Reflect.get(value, key);
      if (typeof child === 'object' && child !== null) open.push(child);
    }
  }
  return false;
}
