import { pipeline, Readable } from 'node:stream';
import type { Context } from 'koa';
import { errorFields, MatrixError } from '../errors.ts';
import type { Logger } from '../host.ts';
import { toJson } from '../json.ts';
import { unavailableAnswer } from '../storage/database-failures.ts';

/** The CORS headers of answers, the same as Dendrite's. */
const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers': 'Origin, X-Requested-With, Content-Type, Accept, Authorization',
};

/** Sets the headers that every answer has. */
export function setCommonHeaders(ctx: Context, requestId: string): void {
  ctx.set({ ...CORS, 'Cache-Control': 'no-store', 'X-Request-Id': requestId });
}

/**
 * Answers with JSON. The body may contain events, and the content of an event may be nested to any depth. So `toJson()` writes
 * the text, because `JSON.stringify()` fails at great depth.
 */
export function respondJson(ctx: Context, status: number, body: unknown): void {
  const text = toJson(body);
  ctx.status = status;
  // If the content type were not set before the body, Koa would guess the type.
  ctx.set('Content-Type', 'application/json');
  ctx.body = text;
}

/** Answers with status 200 and no body, for example a request with the method OPTIONS. */
export function respondEmpty(ctx: Context): void {
  ctx.status = 200;
  ctx.body = '';
  ctx.remove('Content-Type');
}

/**
 * Sends the answer for an error. No other code sends error answers. The client gets no details of an unexpected error. If the
 * status is 500 or higher, also logs the error.
 */
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

/**
 * Answers with server-sent events, in the format `text/event-stream` of the WHATWG. The stream ends when the iterable ends or
 * the client disconnects.
 */
export function respondEvents(
  ctx: Context,
  events: (signal: AbortSignal) => AsyncIterable<{ event: string; data: unknown }>,
  onFailure: (error: unknown) => void,
): void {
  const gone = new AbortController();
  ctx.status = 200;
  ctx.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
  // Koa must not pipe the stream itself. Otherwise, a client that disconnects would cause an error in the host's app.
  ctx.respond = false;
  // From Node 22 on, the callback of `pipeline()` waits for the generator to end, and the generator waits for the signal. So
  // the response's `close` event aborts the signal.
  ctx.res.once('close', () => gone.abort());
  pipeline(Readable.from(encode(events(gone.signal), onFailure)), ctx.res, () => gone.abort());
}

/**
 * Answers with lines of JSON, in the format NDJSON. If the iterable fails, the connection is cut, so that the client sees that
 * lines are missing.
 */
export function respondLines(ctx: Context, lines: AsyncIterable<string>, onFailure: (error: unknown) => void): void {
  ctx.status = 200;
  ctx.set('Content-Type', 'application/x-ndjson');
  // As in `respondEvents()`, Koa must not pipe the stream itself.
  ctx.respond = false;
  pipeline(Readable.from(lines), ctx.res, (error) => {
    if (error) onFailure(error);
  });
}

/**
 * Encodes events as text. If the iterable fails, the stream ends. The headers have been sent by then, so the client sees no
 * error, only the end.
 */
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
