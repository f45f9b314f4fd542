import type { Config } from '../config.ts';
import { MatrixError } from '../errors.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { isRecord } from '../json.ts';
import type { Actor } from '../operations/actor.ts';
import type { OperationInput, OperationName, OperationOutput } from '../operations/operations.ts';

/** The parts of a request that a route reads. */
export interface RouteRequest {
  readonly params: Readonly<Record<string, string>>;
  /** The first value of each query key. */
  readonly query: Readonly<Record<string, string>>;
  /** Returns all values of a query key that may occur several times, or `undefined` if the key is missing. */
  readonly valuesOf: (key: string) => readonly string[] | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** Address of the HTTP client. */
  readonly address: string;
  readonly userAgent: string;
  /**
   * Whether the client sent the header `Prefer: respond-async` (RFC 7240). Such a client wants the URL of the job at once,
   * instead of waiting for the job's result.
   */
  readonly respondAsync: boolean;
  /** Adds the prefix under which the host has mounted the router to a path, so that the client can use the path. */
  readonly urlOf: (path: string) => string;
}

/** An answer. The OpenAPI document is made from the types of its status and body. */
export interface RouteResponse<Body = unknown, Status extends number = number> {
  readonly status: Status;
  readonly body?: Body;
  readonly headers?: Readonly<Record<string, string>>;
  /** Server-sent events that are sent instead of a body. Each event has a name and data. */
  readonly events?: (jobs: Jobs, signal: AbortSignal) => AsyncIterable<{ event: string; data: unknown }>;
  /** Lines of JSON (NDJSON) that are sent instead of a body. */
  readonly lines?: () => AsyncIterable<string>;
}

/** A row of the table of routes. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path template with `:parameters` and `*wildcards`, as metrics and the manifest show it. */
  readonly path: string;
  readonly operation: OperationName;
  /**
   * Tells whether this route answers a request. Needed if several routes have the same method and path. @defaultValue the route
   * answers every request that no other route with the same method and path accepts with `when`
   */
  readonly when?: (request: RouteRequest) => boolean;
  /** Tells whether the route exists with this configuration. @defaultValue the route always exists */
  readonly isOn?: (config: Config) => boolean;
  /**
   * The actor of all requests to a route that needs no access token. The operation's access must be `open`. The plugin limits
   * such requests by client address, and counts a request that it answers with status 403 as a failed authentication.
   * @defaultValue the route needs an access token
   */
  readonly openTo?: Actor;
  /**
   * Whether to refuse requests without a body, so that an empty request does not destroy something by mistake. @defaultValue a
   * missing body counts as `{}`
   */
  readonly needsBody?: boolean;
  /**
   * Makes the answer as soon as the job is queued, without waiting for the job to end. @defaultValue the request waits for the
   * job, up to a time limit, unless the client sent `Prefer: respond-async`
   */
  readonly respondStarted?: (jobId: string, request: RouteRequest) => RouteResponse;
  /**
   * The names that the operation's parameters have in requests. A parameter is not listed if a path parameter has its name, or
   * if requests use the snake_case form of its name.
   */
  readonly names?: Readonly<Record<string, string | undefined>>;
  /** Body keys that clients are known to send although these keys have no effect. @defaultValue none */
  readonly ignoredKeys?: readonly string[];
  /**
   * Builds the operation's input. If the operation changes something, the router refuses keys that this function does not read.
   * Exceptions are body keys in `ignoredKeys`, and query keys that identify the caller.
   */
  readonly input: (request: RouteRequest) => unknown;
  readonly respond: (output: never, request: RouteRequest) => RouteResponse;
}

/** A route with the types of its answers, which the OpenAPI document shows. */
export interface AnsweringRoute<Answer extends RouteResponse, Started extends RouteResponse> extends Route {
  readonly respond: (output: never, request: RouteRequest) => Answer;
  readonly respondStarted?: (jobId: string, request: RouteRequest) => Started;
}

/** Defines a route, and checks the types of its input and its answer against its operation. */
export function defineRoute<
  Name extends OperationName,
  const Answer extends RouteResponse,
  const Started extends RouteResponse = never,
>(route: {
  readonly method: Route['method'];
  readonly path: string;
  readonly operation: Name;
  readonly when?: (request: RouteRequest) => boolean;
  readonly isOn?: (config: Config) => boolean;
  readonly openTo?: Actor;
  readonly needsBody?: boolean;
  readonly respondStarted?: (jobId: string, request: RouteRequest) => Started;
  readonly names?: { readonly [Key in keyof OperationInput<Name>]?: string };
  readonly ignoredKeys?: readonly string[];
  readonly input: (request: RouteRequest) => { readonly [Key in keyof OperationInput<Name>]: unknown };
  readonly respond: (output: OperationOutput<Name>, request: RouteRequest) => Answer;
}): AnsweringRoute<Answer, Started> {
  return route;
}

/** Converts a camelCase name to the snake_case form of requests and answers. */
export const wireName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

declare const wireFormOf: unique symbol;
/** The type of `wireForm(output)`. The OpenAPI document shows the keys of `Output` in snake case. */
export interface WireForm<Output> {
  readonly [wireFormOf]: Output;
}

/**
 * Converts an operation's output to the form of HTTP answers: camelCase keys become snake_case, at any depth. Other keys stay
 * unchanged. Do not use this function for outputs that contain events, because the keys of events must not change.
 */
export function wireForm<Output>(output: Output): WireForm<Output> {
  return inSnakeCase(output) as WireForm<Output>;
}

function inSnakeCase(output: unknown): unknown {
  if (Array.isArray(output)) return output.map(inSnakeCase);
  if (!isRecord(output)) return output;
  return Object.fromEntries(
    Object.entries(output).map(([key, value]) => [CAMEL_CASE.test(key) ? wireName(key) : key, inSnakeCase(value)]),
  );
}

const CAMEL_CASE = /^[a-z][A-Za-z0-9]*$/;

/** Returns the name that a parameter of the route's operation has in requests. */
export function nameInRequest({ path, names }: Route, parameter: string): string {
  if (path.split('/').some((part) => part === `:${parameter}` || part === `*${parameter}`)) return parameter;
  return names?.[parameter] ?? wireName(parameter);
}

/**
 * Reads a query parameter as an integer of at most 16 digits. Returns any other text unchanged, so that the operation's schema
 * refuses it. Returns `undefined` if the parameter is missing.
 */
export function numberOf(value: string | undefined): number | string | undefined {
  return value !== undefined && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
}

/**
 * A date, or a date and a time. The time is in UTC unless it has an offset. The offset may start with a space, because an
 * unencoded `+` in a URL arrives as a space.
 */
const ISO_8601 = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|([ +-]\d\d):?(\d\d))?)?$/;

/**
 * Reads a query parameter as a time in ms since the epoch. The parameter may be a number of ms or a text in ISO 8601. Returns
 * any other text unchanged, so that the operation's schema refuses it. Returns `undefined` if the parameter is missing.
 */
export function timeOf(value: string | undefined): number | string | undefined {
  const [, day, time = '00:00', hours = '+00', minutes = '00'] = ISO_8601.exec(value ?? '') ?? [];
  if (day === undefined) return numberOf(value);
  const at = Date.parse(`${day}T${time}${hours.replace(' ', '+')}:${minutes}`);
  return Number.isNaN(at) || !isDay(day) ? value : at;
}

/** Tells whether a date exists. `Date.parse()` alone accepts the 30th of February, and reads it as a day in March. */
function isDay(day: string): boolean {
  const at = Date.parse(day);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day);
}

/**
 * Reads a query parameter as a boolean. Returns `undefined` if the parameter is missing.
 * @throws MatrixError `M_INVALID_PARAM` if the parameter is neither `true` nor `false`
 */
export function flagOf(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new MatrixError('M_INVALID_PARAM', `bad parameter "${name}": expected true or false`);
}

/**
 * Reads a query parameter as JSON. Returns `undefined` if the parameter is missing.
 * @throws MatrixError `M_NOT_JSON` if the parameter is not valid JSON
 */
export function jsonOf(name: string, value: string | undefined): unknown {
  if (value === undefined) return undefined;
  try {
    return JSON.parse(value);
  } catch {
    throw new MatrixError('M_NOT_JSON', `Query parameter ${name} must be a valid JSON object`);
  }
}

export const ok = <const Body>(body: Body): RouteResponse<Body, 200> => ({ status: 200, body });

/** Answers with an operation's output in snake_case. */
export const okOf = <Output>(output: Output): RouteResponse<WireForm<Output>, 200> => ok(wireForm(output));

/** Answers with a page of a list. If there are more items, `next_token` is the value of `from` for the next page. */
export const page = <Items extends object>(
  items: Items,
  nextToken: string | number | undefined,
): RouteResponse<Items & { readonly next_token?: string }, 200> =>
  ok(nextToken === undefined ? items : { ...items, next_token: String(nextToken) });

/** Makes the `Location` header that leads to a job. */
export const jobLocation = (request: RouteRequest, jobId: string): Record<string, string> => ({
  Location: request.urlOf(`/_dendrite/admin/jobs/${jobId}`),
});

/** Makes the answer to a request whose job has not ended yet. */
export const accepted = (jobId: string, request: RouteRequest): RouteResponse<{ readonly job_id: string }, 202> => ({
  status: 202,
  body: { job_id: jobId },
  headers: jobLocation(request, jobId),
});
