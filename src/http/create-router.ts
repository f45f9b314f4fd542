import { METHODS } from 'node:http';
import Router from '@koa/router';
import type { Context } from 'koa';
import type { Config } from '../config.ts';
import { errorFields, MatrixError, ParameterError } from '../errors.ts';
import type { Host } from '../host.ts';
import type { Jobs, JobView } from '../jobs/jobs.ts';
import type { Actor } from '../operations/actor.ts';
import type { Access, Operation } from '../operations/define-operation.ts';
import { operationNamed } from '../operations/operations.ts';
import type { Pipeline } from '../pipeline/call.ts';
import { StartedJob } from '../pipeline/perform-operation.ts';
import { resultOf, startOperation } from '../pipeline/run-operation.ts';
import { withTimeLimit } from '../with-time-limit.ts';
import { createAddressLimit } from './address-limit.ts';
import { createAuthenticate } from './authenticate.ts';
import { CONSOLE_PATHS, respondConsole } from './console.ts';
import { refuseUnknownKeys, watchReads } from './known-keys.ts';
import { readJsonBody } from './read-json-body.ts';
import { respondEmpty, respondError, respondEvents, respondJson, respondLines, setCommonHeaders } from './respond.ts';
import { accepted, nameInRequest, type Route, type RouteRequest, type RouteResponse } from './route.ts';
import { PREFIXES, ROUTES } from './routes.ts';

/** Maximum length of a stored `User-Agent`, in UTF-16 code units. The rest is cut off. */
const MAX_USER_AGENT_LENGTH = 255;

type Handler = (ctx: Context, requestId: string, params: Readonly<Record<string, string>>) => Promise<void>;

interface RouterSettings {
  readonly host: Pick<Host, 'db' | 'appservices'>;
  readonly config: Config;
  readonly pipeline: Pipeline;
  readonly jobs: Jobs;
}

/**
 * Creates the router that the host mounts. The router answers the routes in `ROUTES` that the configuration does not turn off,
 * and serves the admin console's files if `config.console` is on. It answers other methods of these paths with 405. It answers
 * unknown paths below the plugin's prefixes with 404, unless `config.http.passUnknownPaths` is on.
 */
export function createRouter({ host, config, pipeline, jobs }: RouterSettings): Router {
  // By default, a router knows only common HTTP methods. If the host uses this router's `allowedMethods()`, such a router would
  // answer requests for the host's own paths with 501 if their method is not common, such as `PROPFIND`.
  const router = new Router({ sensitive: true, strict: true, methods: METHODS });
  const { metrics, logger } = pipeline;
  const authenticate = createAuthenticate(host, metrics, pipeline.services.standings);
  const countFailure = createAddressLimit(host.db, 'failed_authentication', config.limits.failedAuthentications);
  const countOpenRequest = createAddressLimit(host.db, 'open_request', config.limits.openRequests);

  /**
   * Wraps a handler, so that every error of the handler becomes an answer and no error reaches the host. The wrapper also sets
   * the common headers and counts the request in the metrics.
   */
  const layer =
    (route: string, handle: Handler) =>
    async (ctx: Context & { params?: Readonly<Record<string, string>> }): Promise<void> => {
      const requestId = pipeline.newRequestId();
      setCommonHeaders(ctx, requestId);
      try {
        await handle(ctx, requestId, ctx.params ?? {});
      } catch (error) {
        respondError(ctx, error, requestId, logger);
      }
      metrics.httpRequests.inc({ method: ctx.method, route, status: String(ctx.status) });
    };

  /**
   * Finds the caller of a request. An error with status 401 counts as a failed authentication of the client's address. If there
   * were too many, throws `M_LIMIT_EXCEEDED` instead of this error.
   */
  const admit = async (ctx: Context, query: RouteRequest['query'], access: Access): Promise<Actor> => {
    try {
      return await authenticate(ctx, query, access);
    } catch (error) {
      if (error instanceof MatrixError && error.status === 401) {
        await countFailure(ctx.ip).catch((tooMany: unknown) => {
          if (tooMany instanceof MatrixError) metrics.authFailures.inc({ reason: 'rate_limited' });
          throw tooMany;
        });
      }
      throw error;
    }
  };

  /**
   * Throws the error of an operation. An error about a parameter gets the name that the parameter has in requests. An error
   * with status 403 on a route without access token, such as a wrong shared secret, counts as a failed authentication. So the
   * limit for failed authentications stops clients that guess the secret.
   */
  const refuse = async (ctx: Context, route: Route, error: unknown): Promise<never> => {
    if (error instanceof ParameterError) throw error.renamed((parameter) => nameInRequest(route, parameter));
    const isGuess = route.openTo !== undefined && error instanceof MatrixError && error.status === 403;
    if (isGuess) await countFailure(ctx.ip);
    throw error;
  };

  /**
   * Answers a request that has started a job. If the route has a function `respondStarted`, this function makes the answer. If
   * the client sent `Prefer: respond-async`, the answer is the URL of the job. Other requests wait for the job: the answer is
   * usually the job's result, and it is the URL of the job if the job does not end within `config.jobs.answerWithinMs`. Some
   * operations also answer with the URL as soon as an attempt of the job has failed.
   */
  const answerOfJob = async (
    ctx: Context,
    { jobId }: StartedJob,
    route: Route,
    request: RouteRequest,
  ): Promise<RouteResponse> => {
    if (route.respondStarted !== undefined) return route.respondStarted(jobId, request);
    if (request.respondAsync) return accepted(jobId, request);
    const gone = new AbortController();
    ctx.res.once('close', () => gone.abort());
    const signal = withTimeLimit(gone.signal, config.jobs.answerWithinMs);
    const operation = operationNamed(route.operation);
    const untilFailure = operation.effect === 'job' && operation.answersAfterFailure === true;
    // The job is already in the database. The job continues even if this wait ends with an error or at its time limit.
    const job = await waitForAnswer(jobs, jobId, untilFailure, signal).catch(() => undefined);
    return job === undefined ? accepted(jobId, request) : route.respond(resultOf(job) as never, request);
  };

  /**
   * Serves the route `main`. The routes in `others` have the same method and path, and a `when` function. The first of these
   * routes whose `when` accepts the request answers it instead of `main`.
   */
  const serve =
    (main: Route, others: readonly Route[]): Handler =>
    async (ctx, requestId, params) => {
      const { access, effect } = operationNamed(main.operation);
      const query = firstValues(ctx.query);
      if (main.openTo !== undefined) await countOpenRequest(ctx.ip);
      const actor = main.openTo ?? (await admit(ctx, query, access));
      const body = effect === 'read' ? {} : await readJsonBody(ctx, config.limits.bodyBytes, main.needsBody);
      // A HEAD request must change nothing. So the router does not run an operation that changes something, even if the same
      // GET request would run it.
      if (ctx.method === 'HEAD' && effect !== 'read') return respondJson(ctx, 200, {});
      const request: RouteRequest = {
        params,
        query,
        valuesOf: (key) => valuesOf(ctx.query[key]),
        body,
        address: ctx.ip,
        userAgent: ctx.get('user-agent').slice(0, MAX_USER_AGENT_LENGTH),
        respondAsync: /(?:^|,)\s*respond-async\s*(?:[,;]|$)/i.test(ctx.get('prefer')),
        urlOf: (path) => mountPrefixOf(ctx, main.path) + path,
      };
      const route = others.find(({ when }) => when?.(request)) ?? main;
      const caller = { actor, requestId, address: ctx.ip };
      const input = readInput(route, request, effect);
      const output = await startOperation(pipeline, route.operation, input as never, caller).catch((error: unknown) =>
        refuse(ctx, route, error),
      );
      const response = output instanceof StartedJob ? await answerOfJob(ctx, output, route, request) : undefined;
      const { status, body: answer, headers, events, lines } = response ?? route.respond(output as never, request);
      if (headers) ctx.set({ ...headers });
      // The log level is `debug`, because a stream also ends early if the client disconnects or the plugin stops.
      const onFailure = (error: unknown): void =>
        logger.debug({ ...errorFields(error), requestId }, 'A stream ended early');
      if (events === undefined && lines === undefined) respondJson(ctx, status, answer);
      else if (ctx.method === 'HEAD') respondEmpty(ctx);
      else if (lines !== undefined) respondLines(ctx, lines(), onFailure);
      else if (events !== undefined) respondEvents(ctx, (signal) => events(jobs, signal), onFailure);
    };

  const routes = ROUTES.filter(({ isOn = () => true }) => isOn(config));
  for (const route of routes.filter(({ when }) => when === undefined)) {
    const { method, path } = route;
    const others = routes.filter((other) => other.when !== undefined && other.method === method && other.path === path);
    router.register(path, [method], layer(path, serve(route, others)));
  }

  const consolePaths = config.console ? CONSOLE_PATHS : [];
  for (const path of consolePaths) {
    router.register(
      path,
      ['GET'],
      layer(path, (ctx) => respondConsole(ctx, path)),
    );
  }

  const unrecognized = new MatrixError('M_UNRECOGNIZED', 'Unrecognized request');
  const templates = routes.map(({ method, path }) => ({ method, segments: path.split('/') }));
  for (const path of new Set([...routes.map((route) => route.path), ...consolePaths])) {
    const segments = path.split('/');
    const methods = consolePaths.includes(path)
      ? ['GET']
      : templates.filter((template) => covers(template.segments, segments)).map(({ method }) => method);
    router.all(
      path,
      layer(path, async (ctx) => {
        if (ctx.method === 'OPTIONS') return respondEmpty(ctx);
        ctx.set(
          'Allow',
          [...new Set([...(methods.includes('GET') ? ['HEAD'] : []), ...methods, 'OPTIONS'])].join(', '),
        );
        throw new MatrixError('M_UNRECOGNIZED', unrecognized.message, { status: 405 });
      }),
    );
  }
  for (const prefix of config.http.passUnknownPaths ? [] : PREFIXES) {
    router.all(
      `${prefix}{/{*rest}}`,
      layer('unrecognized', async (ctx) => {
        if (ctx.method === 'OPTIONS' && ctx.get('access-control-request-method') !== '') return respondEmpty(ctx);
        throw unrecognized;
      }),
    );
  }
  return router;
}

/**
 * Builds the input of a route's operation. If the operation changes something, this function refuses keys that the route does
 * not read. Exceptions are body keys in the route's `ignoredKeys`, and query keys that identify the caller.
 * @throws MatrixError `M_INVALID_PARAM` for such a key
 */
function readInput(route: Route, request: RouteRequest, effect: Operation['effect']): unknown {
  const body = watchReads(request.body);
  const query = watchReads(request.query);
  const input = route.input({ ...request, body: body.record, query: query.record });
  if (effect !== 'read') {
    const known = { body: body.wasRead, query: query.wasRead };
    refuseUnknownKeys(request.body, request.query, known, route.ignoredKeys ?? []);
  }
  return input;
}

/**
 * Waits for a job to end.
 * @param untilFailure whether to stop waiting as soon as an attempt fails and the job is queued for a retry
 * @returns the ended job, or `undefined` if the wait stopped after a failed attempt
 * @throws the reason of `signal` if `signal` is aborted first
 */
async function waitForAnswer(
  jobs: Jobs,
  jobId: string,
  untilFailure: boolean,
  signal: AbortSignal,
): Promise<JobView | undefined> {
  if (!untilFailure) return jobs.wait(jobId, { signal });
  for await (const job of jobs.watch(jobId, { signal })) {
    if (job.finishedTs !== null) return job;
    // A queued job that has an error will be retried. A running job that has an error may be about to fail for good. The wait
    // continues then, because the end of the job is the answer.
    if (job.error !== null && job.state === 'queued') return undefined;
  }
  return undefined;
}

/**
 * Tells whether a path template matches every path that another template matches. For example, `x/:id` covers `x/new`. The
 * templates are given as lists of their segments.
 */
function covers(template: readonly string[], other: readonly string[]): boolean {
  return (
    template.length === other.length && template.every((segment, i) => segment === other[i] || segment.startsWith(':'))
  );
}

function firstValues(query: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).map(([key, value]) => [key, (Array.isArray(value) ? value[0] : value) ?? '']),
  );
}

function valuesOf(value: string | string[] | undefined): readonly string[] | undefined {
  return typeof value === 'string' ? [value] : value;
}

/**
 * Returns the path prefix under which the host has mounted the router, or an empty text if there is no prefix. Reads the prefix
 * from the URL that the client sent.
 */
function mountPrefixOf(ctx: Context, routePath: string): string {
  const [literal] = routePath.split('/:');
  const [path = ''] = ctx.originalUrl.split('?');
  return path.slice(0, Math.max(path.indexOf(literal ?? routePath), 0));
}
