import { MatrixError } from '../errors.ts';
import { isRecord } from '../json.ts';
import type { OperationInput, OperationName } from '../operations/operations.ts';
import type { AdminClient, Answer } from './admin-client.ts';
import { followJob } from './follow-job.ts';
import { type OperationRequest, pathOf, requestOf } from './request-of.ts';

/** The settings of `createAdminClient()`. */
export interface AdminClientSettings {
  /**
   * The address of the homeserver, such as `https://example.org`. If the homeserver mounts the admin API under a prefix, the
   * address includes the prefix.
   */
  readonly baseUrl: string;
  /** Access token of a server administrator. */
  readonly accessToken: string;
  /** The function that sends requests. @defaultValue the global `fetch` */
  readonly fetch?: typeof fetch;
}

/** The homeserver did not answer, or another server, such as a proxy, answered in its place. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** Creates a client of the admin API. The client works wherever `fetch` exists, for example in Node and in browsers. */
export function createAdminClient(settings: AdminClientSettings): AdminClient {
  const send = createSend(settings);
  const request = async <Name extends OperationName>(
    operation: Name,
    input: OperationInput<Name>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Answer<Name>> => {
    const response = await send(requestOf(operation, input), signal && { signal });
    return (await bodyOf(response)) as Answer<Name>;
  };
  return {
    request,
    startJob: async (operation, input) => {
      const headers = { Prefer: 'respond-async' };
      const start = requestOf(operation, input);
      const body = await bodyOf(await send(start, { headers }));
      const jobId = isRecord(body) ? body[start.jobIdName ?? 'job_id'] : undefined;
      if (typeof jobId === 'string') return jobId;
      throw new TypeError(`${operation} has started no job`);
    },
    watchJob: (jobId, { signal } = {}) =>
      followJob({
        open: async () => {
          const path = '/_dendrite/admin/jobs/:jobId/events';
          const events: OperationRequest = { method: 'GET', route: path, params: { jobId }, query: [], body: {} };
          const response = await send(events, signal && { signal });
          if (!response.ok) await bodyOf(response);
          if (response.body === null) throw new UnreachableError('the answer has no body');
          return response.body;
        },
        look: () => request('getJob', { jobId }, signal && { signal }),
        isUnreachable: (error) => error instanceof UnreachableError,
        signal,
      }),
  };
}

type Send = (
  request: OperationRequest,
  options?: { readonly signal?: AbortSignal; readonly headers?: Record<string, string> },
) => Promise<Response>;

function createSend({ baseUrl, accessToken, fetch: send = fetch }: AdminClientSettings): Send {
  const base = baseUrl.replace(/\/+$/, '');
  return async (request, { signal, headers } = {}) => {
    const { method, body } = request;
    const url = base + pathOf(request);
    try {
      return await send(url, {
        method,
        headers: {
          Authorization: `Bearer ${accessToken}`,
          ...(method !== 'GET' && { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(method !== 'GET' && { body: JSON.stringify(body) }),
        ...(signal && { signal }),
        // Following a redirect could send the access token to another server.
        redirect: 'manual',
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw new UnreachableError(`${new URL(base).origin} does not answer: ${reasonOf(error)}`, { cause: error });
    }
  };
}

/**
 * Describes why a connection failed. The message of an error of `fetch` is always "fetch failed", so the function uses the
 * error's cause.
 */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  if (cause instanceof Error && cause.message !== '') return cause.message;
  return error instanceof Error ? error.message : String(error);
}

/**
 * Returns the body of an answer.
 * @throws MatrixError the error in the body
 * @throws UnreachableError if the body breaks off, is not JSON, or is an error without a Matrix error code
 */
async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text().catch((error: unknown) => {
    throw new UnreachableError(`the answer broke off: ${reasonOf(error)}`, { cause: error });
  });
  const body = parse(text);
  if (body !== undefined && response.ok) return body;
  if (isRecord(body) && typeof body.errcode === 'string' && typeof body.error === 'string') {
    const { errcode, error, ...fields } = body;
    throw new MatrixError(errcode as MatrixError['errcode'], error, { status: response.status, fields });
  }
  throw new UnreachableError(
    `${new URL(response.url).origin} answered ${response.status} without JSON: no homeserver with the admin API answers there`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
