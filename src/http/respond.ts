import { pipeline, Readable } from 'node:stream';
import type { Context } from 'koa';
import { errorFields, MatrixError } from '../errors.ts';
import type { Logger } from '../host.ts';
import { toJson } from '../json.ts';
import { unavailableAnswer } from '../storage/database-failures.ts';

/** Headers of every answer, as in Dendrite. */
const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers': 'Origin, X-Requested-With, Content-Type, Accept, Authorization',
};

/** Headers of every answer. */
export function setCommonHeaders(ctx: Context, requestId: string): void {
  ctx.set({ ...CORS, 'Cache-Control': 'no-store', 'X-Request-Id': requestId });
}

/** Answers with JSON. Events in the body may nest to any depth. */
export function respondJson(ctx: Context, status: number, body: unknown): void {
  const text = toJson(body);
  ctx.status = status;
  // Set before the body, or Koa would guess the type.
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

/** Answers with server-sent events, WHATWG `text/event-stream`. The stream ends with the iterable, or when the client leaves. */
export function respondEvents(
  ctx: Context,
  events: (signal: AbortSignal) => AsyncIterable<{ event: string; data: unknown }>,
  onFailure: (error: unknown) => void,
): void {
  const gone = new AbortController();
  ctx.status = 200;
  ctx.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
  // If Koa piped the stream, a client that leaves would raise an error in the host's app.
  ctx.respond = false;
  // The callback of `pipeline()` waits for the generator from Node 22 on, and the generator waits for the signal.
  ctx.res.once('close', () => gone.abort());
  pipeline(Readable.from(encode(events(gone.signal), onFailure)), ctx.res, () => gone.abort());
}

/** Ends the stream if the events fail. The headers have been sent, so the client sees only the end. */
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
