import type { AdminClient, Answer, JobBody } from '../client/admin-client.ts';
import { type OperationRequest, requestOf } from '../client/request-of.ts';
import type { Route, RouteRequest } from '../http/route.ts';
import { wireForm } from '../http/route.ts';
import { ROUTES } from '../http/routes.ts';
import { isDoneByJob, type OperationInput, type OperationName } from '../operations/operations.ts';
import type { Caller } from '../pipeline/run-operation.ts';
import type { AdminPlugin } from '../plugin.ts';

/**
 * Creates a client that calls the operations of a plugin in this process. The client returns the same answers as the HTTP
 * routes.
 */
export function createDatabaseClient({ operations, jobs }: AdminPlugin, actor: Caller['actor']): AdminClient {
  return {
    request: async <Name extends OperationName>(
      operation: Name,
      input: OperationInput<Name>,
      { signal }: { readonly signal?: AbortSignal } = {},
    ): Promise<Answer<Name>> => {
      const output = await operations[operation](input, { actor, ...(signal && { signal }) });
      return answerOf(operation, input, output) as Answer<Name>;
    },
    startJob: async (operation, input) => {
      if (!isDoneByJob(operation)) throw new TypeError(`no job does the work of ${operation}`);
      const { jobId } = await operations[operation].start(input as never, { actor });
      return jobId;
    },
    async *watchJob(jobId, options) {
      for await (const job of jobs.watch(jobId, options)) {
        const body: unknown = wireForm(job);
        yield body as JobBody;
      }
    },
  };
}

/**
 * Returns the body with which the HTTP route of the operation would answer. If there is no such route, returns the output in
 * snake_case.
 */
function answerOf(operation: OperationName, input: Readonly<Record<string, unknown>>, output: unknown): unknown {
  const request = requestFor(operation, input);
  const route = request && routeOf(operation, request);
  if (route === undefined) return wireForm(output);
  return route.respond(output as never, routeRequest(request as OperationRequest)).body ?? {};
}

/** Returns the HTTP request for a call. Returns `undefined` if the operation has no route for this input. */
function requestFor(operation: OperationName, input: Readonly<Record<string, unknown>>): OperationRequest | undefined {
  try {
    return requestOf(operation, input);
  } catch {
    return undefined;
  }
}

const routeOf = (operation: OperationName, request: OperationRequest): Route | undefined =>
  ROUTES.find(
    (route) => route.operation === operation && route.method === request.method && route.path === request.route,
  );

function routeRequest({ params, query, body }: OperationRequest): RouteRequest {
  const valuesOf = (name: string): string[] => query.filter(([key]) => key === name).map(([, value]) => value);
  return {
    params,
    query: Object.fromEntries([...query].reverse()),
    valuesOf: (name) => (valuesOf(name).length === 0 ? undefined : valuesOf(name)),
    body,
    address: '',
    userAgent: '',
    respondAsync: false,
    urlOf: (path) => path,
  };
}
