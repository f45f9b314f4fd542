import { Client, errors } from '@opensearch-project/opensearch';
import { isRecord } from '../../json.ts';
import type { SearchMetrics } from '../../metrics.ts';
import { EngineError, withoutDocument } from '../engine-error.ts';
import { INTERACTIVE, type RetryPolicy, retrying } from '../retry.ts';

/** The engine's name in metrics and logs. */
export const ENGINE = 'opensearch';

export interface ClientOptions {
  readonly nodes: readonly string[];
  readonly auth?: { readonly username: string; readonly password: string };
  readonly ca?: string;
  readonly timeoutMs: number;
  readonly retryDelayMs: number;
  readonly metrics: SearchMetrics;
}

export interface EngineRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** The path, for example `/_aliases`. It must not contain characters that need escapes. */
  readonly path: string;
  readonly querystring?: Readonly<Record<string, string | boolean>>;
  readonly body?: object;
  /** The body of a bulk request, as NDJSON. */
  readonly bulkBody?: string;
}

/** Sends requests to the nodes of the cluster in turn. If a node does not answer, sends the request to the next node. */
export interface EngineClient {
  /**
   * Sends a request, again after failures as long as the policy allows. Returns the body of the successful answer.
   * @param policy @defaultValue `INTERACTIVE`
   * @throws EngineError when the policy gives up
   */
  readonly send: (request: EngineRequest, policy?: RetryPolicy) => Promise<unknown>;
  /**
   * Runs `work`, and runs it again after failures as long as the policy allows. `stop()` ends the wait between two attempts.
   */
  readonly retry: <T>(policy: RetryPolicy, work: () => Promise<T>) => Promise<T>;
  /** Makes the client usable again after `stop()`. */
  readonly start: () => void;
  /** Aborts running requests, and refuses further requests until `start()`. */
  readonly stop: () => void;
}

export function createClient({ nodes, auth, ca, timeoutMs, retryDelayMs, metrics }: ClientOptions): EngineClient {
  const client = new Client({
    nodes: [...nodes],
    ...(auth && { auth }),
    ...(ca !== undefined && { ssl: { ca } }),
    requestTimeout: timeoutMs,
    maxRetries: nodes.length - 1,
    agent: { keepAlive: true, maxSockets: 64 },
  });
  const running = new Set<{ abort: () => unknown }>();
  let stopping = new AbortController();

  const once = async ({ method, path, querystring = {}, body, bulkBody }: EngineRequest): Promise<unknown> => {
    if (stopping.signal.aborted) throw new EngineError('stopped', 'the search index was stopped');
    metrics.searchRequests.inc({ engine: ENGINE });
    const request = client.transport.request({
      method,
      path,
      querystring,
      ...(body !== undefined && { body }),
      ...(bulkBody !== undefined && { bulkBody }),
    });
    running.add(request);
    try {
      return (await request).body;
    } catch (error) {
      metrics.searchErrors.inc({ engine: ENGINE });
      throw engineErrorOf(error, timeoutMs);
    } finally {
      running.delete(request);
    }
  };
  const retry = <T>(policy: RetryPolicy, work: () => Promise<T>): Promise<T> =>
    retrying(policy, { baseDelayMs: retryDelayMs, signal: stopping.signal }, work);

  return {
    send: (request, policy = INTERACTIVE) => retry(policy, () => once(request)),
    retry,
    start: () => {
      if (stopping.signal.aborted) stopping = new AbortController();
    },
    stop: () => {
      stopping.abort();
      for (const request of running) request.abort();
    },
  };
}

/**
 * Makes an `EngineError` from an error of OpenSearch's npm client. Leaves out the request, because it contains the password and
 * texts of events.
 */
function engineErrorOf(thrown: unknown, timeoutMs: number): EngineError {
  if (thrown instanceof errors.ResponseError) {
    const { type, reason } = problemOf(thrown.body);
    const status = thrown.statusCode;
    return new EngineError('status', `OpenSearch answered ${status}${type ? ` ${type}` : ''}: ${reason}`, {
      // A node that leaves the cluster during a search makes the search fail with 500. The status 503 makes the retry policy
      // try again, and the next attempt asks other copies.
      status: status === 500 ? 503 : status,
      ...(type !== undefined && { code: type }),
    });
  }
  if (thrown instanceof errors.RequestAbortedError) return new EngineError('stopped', 'the search index was stopped');
  if (thrown instanceof errors.TimeoutError) return new EngineError('timeout', `no answer in ${timeoutMs} ms`);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof errors.DeserializationError) return new EngineError('protocol', 'the answer is not JSON');
  return new EngineError('connection', `no connection to OpenSearch: ${message}`);
}

/** Reads the type and the reason of an error from an answer of OpenSearch, or from an item of the answer to a bulk request. */
export function problemOf(body: unknown): { readonly type: string | undefined; readonly reason: string } {
  const error = isRecord(body) ? body.error : undefined;
  if (!isRecord(error)) return { type: undefined, reason: 'the body is not an error of OpenSearch' };
  const [root = error] = Array.isArray(error.root_cause) ? error.root_cause.filter(isRecord) : [];
  // OpenSearch quotes the document in the reasons of parsing errors.
  const quotes = String(error.type).includes('pars');
  return {
    type: String(error.type),
    reason: quotes ? 'OpenSearch does not understand the request' : withoutDocument(String(root.reason)),
  };
}
