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
 * Reads the JSON object in a request's body, whatever its content type. Returns `{}` for an empty body. A body parser of the
 * host may have read the body already. If that parser has kept the body's text, the function parses the text again. Otherwise,
 * the function accepts the parser's result only for JSON content types, because a form parser reads `{"dry_run":true}` as one
 * long key.
 * @param limit maximum size of the body, in bytes
 * @param isNeeded whether to refuse a request without a body
 * @throws MatrixError `M_TOO_LARGE` if the body is larger than `limit`
 * @throws MatrixError `M_NOT_JSON` if the body is not valid JSON, cannot be read, or is missing although it is needed
 * @throws MatrixError `M_BAD_JSON` if the JSON is not an object, or has a key that is not allowed
 */
export async function readJsonBody(
  ctx: Context,
  limit: number,
  isNeeded = false,
): Promise<Readonly<Record<string, unknown>>> {
  if ((ctx.request.length ?? 0) > limit) throw tooLarge(limit);
  if (isNeeded && !hasBody(ctx)) throw notJson('Content not JSON.');
  const read = readByHost(ctx) ?? (await readText(ctx, limit));
  if (typeof read === 'string' && Buffer.byteLength(read) > limit) throw tooLarge(limit);
  const value = typeof read === 'string' ? parse(read) : read;
  if (!isRecord(value)) throw badJson('The request body must be a JSON object');
  if (hasDangerousKey(value)) throw badJson('The request body has a key that is not allowed');
  return value;
}

/** Tells whether a request has a body. Source: RFC 9112, "Message Body Length". */
const hasBody = ({ request }: Context): boolean => Boolean(request.length) || request.get('transfer-encoding') !== '';

/** The property in which koa-body keeps a body's text if its option `includeUnparsed` is set. */
const UNPARSED = Symbol.for('unparsedBody');

/**
 * Returns what a body parser of the host has read: the body's text if the parser has kept it, else the parsed body. Returns
 * `undefined` if no parser has read the body.
 * @throws MatrixError `M_NOT_JSON` with status 415 if a parser has read the body as another content type and kept no text
 */
function readByHost(ctx: Context): unknown {
  const request: object = ctx.request;
  if ('rawBody' in request && typeof request.rawBody === 'string') return request.rawBody;
  const body = 'body' in request ? request.body : undefined;
  if (typeof body !== 'object' || body === null) return body;
  const text: unknown = Reflect.get(body, UNPARSED);
  if (typeof text === 'string') return text;
  if (!hasBody(ctx) || ctx.request.is('json', '+json')) return body;
  // A parser that does not read bodies of this type may leave an empty object. The body is then still to be read.
  if (Object.keys(body).length === 0 && !ctx.req.readableDidRead) return undefined;
  const problem =
    'The homeserver read the request body as something else than JSON; send "Content-Type: application/json"';
  throw new MatrixError('M_NOT_JSON', problem, { status: 415 });
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
  // If a parser of the host has read only a part of the body and then failed, the other part never arrives. Waiting for that
  // part would never end.
  if (ctx.req.readableDidRead) throw notJson('The request body was not read whole');
  try {
    const reading = getRawBody(ctx.req, { limit });
    // A parser of the host may have refused the body before reading it. Such a parser has paused the request, so resume the
    // request.
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

/**
 * Tells whether an object has, at any depth, a key that could reach an object's prototype. The search uses no recursion,
 * because bodies may be nested deeply.
 */
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
