import type { Config } from '../config.ts';
import { MatrixError } from '../errors.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { isRecord } from '../json.ts';
import type { Actor } from '../operations/actor.ts';
import type { OperationInput, OperationName, OperationOutput } from '../operations/operations.ts';

/** The parts of a request that a route reads. */
export interface RouteRequest {
  readonly params: Readonly<Record<string, string>>;
  /** First value of each key. */
  readonly query: Readonly<Record<string, string>>;
  /** All values of a repeatable key. `undefined`: the key is missing. */
  readonly valuesOf: (key: string) => readonly string[] | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** Address of the client. */
  readonly address: string;
  readonly userAgent: string;
  /** Whether the client asked for `Prefer: respond-async`, RFC 7240. */
  readonly respondAsync: boolean;
  /** Adds the prefix under which the host has mounted us to one of our paths. */
  readonly urlOf: (path: string) => string;
}

export interface RouteResponse {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Server-sent events instead of a body, each with name and data. */
  readonly events?: (jobs: Jobs, signal: AbortSignal) => AsyncIterable<{ event: string; data: unknown }>;
}

/** A row of the route table. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Template with `:parameters`, as metrics and the manifest show it. */
  readonly path: string;
  readonly operation: OperationName;
  /** Whether the route answers a request that another one could answer, too. @defaultValue always */
  readonly when?: (request: RouteRequest) => boolean;
  /** Whether the route is served with these options. @defaultValue always */
  readonly isOn?: (config: Config) => boolean;
  /**
   * The actor of a call without an access token, if the operation is `open`. Requests are limited by address, and refusals like
   * failed authentications. @defaultValue the route needs an access token
   */
  readonly openTo?: Actor;
  /** Refuses requests without a body, so that nobody destroys something by mistake. @defaultValue a missing body is `{}` */
  readonly needsBody?: boolean;
  /** Answers as soon as the job is queued. @defaultValue the answer waits for the job's end */
  readonly respondStarted?: (jobId: string, request: RouteRequest) => RouteResponse;
  /** Request names of parameters that differ from both the path parameter and the snake_case form. */
  readonly names?: Readonly<Record<string, string | undefined>>;
  /** Body keys that clients are known to send and that have no effect. @defaultValue none: unknown keys are refused */
  readonly ignoredKeys?: readonly string[];
  /** Builds the operation's input. The route accepts only the keys that this function reads. */
  readonly input: (request: RouteRequest) => unknown;
  readonly respond: (output: never, request: RouteRequest) => RouteResponse;
}

/** Ties a route's input and response to its operation's types. */
export function defineRoute<Name extends OperationName>(route: {
  readonly method: Route['method'];
  readonly path: string;
  readonly operation: Name;
  readonly when?: (request: RouteRequest) => boolean;
  readonly isOn?: (config: Config) => boolean;
  readonly openTo?: Actor;
  readonly needsBody?: boolean;
  readonly respondStarted?: (jobId: string, request: RouteRequest) => RouteResponse;
  readonly names?: { readonly [Key in keyof OperationInput<Name>]?: string };
  readonly ignoredKeys?: readonly string[];
  readonly input: (request: RouteRequest) => { readonly [Key in keyof OperationInput<Name>]: unknown };
  readonly respond: (output: OperationOutput<Name>, request: RouteRequest) => RouteResponse;
}): Route {
  return route;
}

/** The snake_case form of a name, as requests and answers use it. */
const wireName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * The form that an operation's output has in answers: camelCase keys become snake_case, at any depth. Other keys stay. Not for
 * outputs that contain events, whose keys are not ours.
 */
export function wireForm(output: unknown): unknown {
  if (Array.isArray(output)) return output.map(wireForm);
  if (!isRecord(output)) return output;
  return Object.fromEntries(
    Object.entries(output).map(([key, value]) => [CAMEL_CASE.test(key) ? wireName(key) : key, wireForm(value)]),
  );
}

const CAMEL_CASE = /^[a-z][A-Za-z0-9]*$/;

/** The name that a parameter of a route's operation has in requests. */
export function nameInRequest({ path, names }: Route, parameter: string): string {
  if (path.split('/').some((part) => part === `:${parameter}` || part === `*${parameter}`)) return parameter;
  return names?.[parameter] ?? wireName(parameter);
}

/** Reads a query parameter as a number. Anything else is returned as it is, and the operation's schema refuses it. */
export function numberOf(value: string | undefined): number | string | undefined {
  return value !== undefined && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
}

/** A day, or a day and a time, in UTC unless there is an offset. An unencoded plus of an offset arrives as a space. */
const ISO_8601 = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|([ +-]\d\d):?(\d\d))?)?$/;

/** Reads a query parameter as a time in ms since the epoch. Clients write ms or ISO 8601. Anything else is returned as it is. */
export function timeOf(value: string | undefined): number | string | undefined {
  const [, day, time = '00:00', hours = '+00', minutes = '00'] = ISO_8601.exec(value ?? '') ?? [];
  if (day === undefined) return numberOf(value);
  const at = Date.parse(`${day}T${time}${hours.replace(' ', '+')}:${minutes}`);
  return Number.isNaN(at) || !isDay(day) ? value : at;
}

/** Whether the month has that day: `Date` takes the 30th of February for the 2nd of March. */
function isDay(day: string): boolean {
  const at = Date.parse(day);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day);
}

/** Reads a query parameter as a boolean. @throws MatrixError `M_INVALID_PARAM` unless it is `true` or `false` */
export function flagOf(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new MatrixError('M_INVALID_PARAM', `bad parameter "${name}": expected true or false`);
}

/** Reads a query parameter as JSON. @throws MatrixError `M_NOT_JSON` if it is none */
export function jsonOf(name: string, value: string | undefined): unknown {
  if (value === undefined) return undefined;
  try {
    return JSON.parse(value);
  } catch {
    throw new MatrixError('M_NOT_JSON', `Query parameter ${name} must be a valid JSON object`);
  }
}

export const ok = (body: unknown): RouteResponse => ({ status: 200, body });

/** Answers with an operation's output. */
export const okOf = (output: unknown): RouteResponse => ok(wireForm(output));

/** A page of a list. If there are more items, `next_token` is the `from` of the next page. */
export const page = (items: Record<string, unknown>, nextToken: string | number | undefined): RouteResponse =>
  ok(nextToken === undefined ? items : { ...items, next_token: String(nextToken) });

/** The `Location` header of a job. */
export const jobLocation = (request: RouteRequest, jobId: string): Record<string, string> => ({
  Location: request.urlOf(`/_dendrite/admin/jobs/${jobId}`),
});

/** The answer while a job is under way. */
export const accepted = (jobId: string, request: RouteRequest): RouteResponse => ({
  status: 202,
  body: { job_id: jobId },
  headers: jobLocation(request, jobId),
});
