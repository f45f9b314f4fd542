import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { EngineError, withoutDocument } from '../engine-error.ts';

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

/** The request that Meilisearch's npm client passes to its `httpClient`. */
interface ClientRequest {
  readonly method?: string | undefined;
  readonly headers?: unknown;
  readonly body?: unknown;
}

/** Sends HTTP requests over connections of its own. Each request has a time limit. */
export interface Exchange {
  /**
   * Sends a request. Returns the parsed body of a successful answer.
   * @throws EngineError if the request fails, or the answer is not successful or not JSON
   */
  readonly send: (url: string, request: ClientRequest) => Promise<unknown>;
  /** Aborts running requests and closes the connections. */
  readonly stop: () => void;
}

/**
 * Creates the `httpClient` of Meilisearch's npm client. Without this `httpClient`, the npm client ignores its own time-out for
 * requests with a signal, and reports a body that is not JSON (such as a proxy's error page or an empty answer 408) as a syntax
 * error.
 */
export function createExchange(timeoutMs: number): Exchange {
  const agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) };
  const active = new Set<AbortController>();

  const send = async (url: string, request: ClientRequest): Promise<unknown> => {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(new EngineError('timeout', `no answer in ${timeoutMs} ms`)), timeoutMs);
    active.add(limit);
    try {
      return resultOf(await roundTrip(new URL(url), request, agents, limit.signal));
    } catch (thrown) {
      if (limit.signal.aborted) throw limit.signal.reason;
      throw thrown instanceof EngineError ? thrown : connectionError(thrown);
    } finally {
      clearTimeout(timer);
      active.delete(limit);
    }
  };

  return {
    send,
    stop: () => {
      for (const limit of active) limit.abort(new EngineError('stopped', 'the search index was stopped'));
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

function roundTrip(
  url: URL,
  { method, headers, body }: ClientRequest,
  agents: { readonly 'http:': HttpAgent; readonly 'https:': HttpsAgent },
  signal: AbortSignal,
): Promise<Answer> {
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const options = {
      method: method ?? 'GET',
      headers: headers instanceof Headers ? Object.fromEntries(headers) : {},
      agent: secure ? agents['https:'] : agents['http:'],
      signal,
    };
    let answered = false;
    const request = (secure ? httpsRequest : httpRequest)(url, options, (response) => {
      answered = true;
      collect(response).then(resolve, reject);
    });
    // If the server refuses an upload, it may cut the request after it has begun to answer. In this case, the error is ignored,
    // because the answer says more than the error.
    request.on('error', (error) => {
      if (!answered) reject(error);
    });
    request.end(typeof body === 'string' ? body : undefined);
  });
}

async function collect(response: IncomingMessage): Promise<Answer> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], text };
}

function resultOf({ status, retryAfter, text }: Answer): unknown {
  const body = parse(text);
  if (status >= 200 && status < 300) {
    if (body !== undefined) return body;
    throw new EngineError('protocol', `Meilisearch answered ${status} without JSON`, { status });
  }
  const { code, message } = describe(body);
  const seconds = Number(retryAfter);
  throw new EngineError('status', `Meilisearch answered ${status}${code === undefined ? '' : ` ${code}`}: ${message}`, {
    status,
    ...(code === undefined ? {} : { code }),
    ...(retryAfter === undefined || Number.isNaN(seconds) ? {} : { retryAfterMs: seconds * 1_000 }),
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describe(body: unknown): { code: string | undefined; message: string } {
  const { code, message } = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  return {
    code: typeof code === 'string' ? code : undefined,
    message: typeof message === 'string' ? withoutDocument(message) : 'the body is not JSON from Meilisearch',
  };
}

function connectionError(cause: unknown): EngineError {
  const reason = cause instanceof Error ? ('code' in cause ? String(cause.code) : cause.message) : String(cause);
  return new EngineError('connection', `no connection to Meilisearch: ${reason}`, { cause });
}
