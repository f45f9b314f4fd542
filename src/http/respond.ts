import { pipeline, Readable } from 'node:stream';
import type { Context } from 'koa';
import { errorFields, MatrixError } from '../errors.ts';
import type { Logger } from '../host.ts';
import { toJson } from '../json.ts';
import { unavailableAnswer } from '../storage/database-failures.ts';

/** On every answer, as Dendrite's. */
const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers': 'Origin, X-Requested-With, Content-Type, Accept, Authorization',
};

/** Headers of every answer. */
export function setCommonHeaders(ctx: Context, requestId: string): void {
  ctx.set({ ...CORS, 'Cache-Control': 'no-store', 'X-Request-Id': requestId });
}

/** An answer in JSON. Events in it may nest as deep as they like. */
export function respondJson(ctx: Context, status: number, body: unknown): void {
  const text = toJson(body);
  ctx.status = status;
  // Before the body, which Koa would guess the type of.
  ctx.set('Content-Type', 'application/json');
  ctx.body = text;
}

/** `200` without a body, for OPTIONS. */
export function respondEmpty(ctx: Context): void {
  ctx.status = 200;
  ctx.body = '';
  ctx.remove('Content-Type');
}

/** The one place where errors become answers. Clients see nothing of an error that is not a `MatrixError`. */
export function respondError(ctx: Context, error: unknown, requestId: string, log: Logger): void {
  const expected = error instanceof MatrixError ? error : unavailableAnswer(error);
  const status = expected?.status ?? 500;
  if (status >= 500) {
    log.error({ ...errorFields(error), requestId, method: ctx.method }, 'Request failed');
  }
  const answer =
    expected ??
    new MatrixError('M_UNKNOWN', 'Internal server error; the log has more under this request id', { status });
  const retryAfterMs = answer.fields.retry_after_ms;
  if (typeof retryAfterMs === 'number') ctx.set('Retry-After', String(Math.ceil(retryAfterMs / 1_000)));
  respondJson(ctx, status, status >= 500 ? { ...answer.toJSON(), request_id: requestId } : answer.toJSON());
}

/** Server-sent events, as the WHATWG defines `text/event-stream`; ends with the iterable, or when the client goes. */
export function respondEvents(
  ctx: Context,
  events: (signal: AbortSignal) => AsyncIterable<{ event: string; data: unknown }>,
  onFailure: (error: unknown) => void,
): void {
  const gone = new AbortController();
  ctx.status = 200;
  ctx.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
  // Left to Koa, a client that goes would be an error of the host's app.
  ctx.respond = false;
  // The callback of `pipeline()` waits for the generator from Node 22 on, and the generator waits for the signal.
  ctx.res.once('close', () => gone.abort());
  pipeline(Readable.from(encode(events(gone.signal), onFailure)), ctx.res, () => gone.abort());
}

/** Ends where the events fail: the headers have been sent, and a cut connection tells the client no more. */
async function* encode(
  events: AsyncIterable<{ event: string; data: unknown }>,
  onFailure: (error: unknown) => void,
): AsyncGenerator<string> {
  try {
    for await (const { event, data } of events) yield `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  } catch (error) {
    onFailure(error);
  }
}
