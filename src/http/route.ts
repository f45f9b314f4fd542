import type { Config } from '../config.ts';
import { MatrixError } from '../errors.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Actor } from '../operations/actor.ts';
import type { OperationInput, OperationName, OperationOutput } from '../operations/operations.ts';

/** What a route reads its input from. */
export interface RouteRequest {
  readonly params: Readonly<Record<string, string>>;
  /** First value of each key. */
  readonly query: Readonly<Record<string, string>>;
  /** All values of a key that may be repeated; `undefined` where it is not there. */
  readonly valuesOf: (key: string) => readonly string[] | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** Of the client. */
  readonly address: string;
  readonly userAgent: string;
  /** Whether the client asked for `Prefer: respond-async`, RFC 7240. */
  readonly respondAsync: boolean;
  /** The URL path of one of our paths, under whatever prefix the host has mounted us. */
  readonly urlOf: (path: string) => string;
}

export interface RouteResponse {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Server-sent events instead of a body; each has the name and the data of one. */
  readonly events?: (jobs: Jobs, signal: AbortSignal) => AsyncIterable<{ event: string; data: unknown }>;
}

/** A row of the route table. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Template with `:parameters`, as metrics and the manifest show it. */
  readonly path: string;
  readonly operation: OperationName;
  /** Whether the route is there with these options. @defaultValue always */
  readonly isOn?: (config: Config) => boolean;
  /**
   * Who the caller counts as where the operation is `open` and no access token is asked for. Requests are limited by address,
   * and refusals as failed authentications are. @defaultValue an access token is asked for
   */
  readonly openTo?: Actor;
  /** A request without a body is refused: what destroys is not to be started by mistake. @defaultValue it is `{}` */
  readonly needsBody?: boolean;
  /** The answer as soon as a job is queued. @defaultValue the job's end is waited for */
  readonly respondStarted?: (jobId: string, request: RouteRequest) => RouteResponse;
  /** Parameters of the operation that requests call neither as the path does nor by the same name in snake case. */
  readonly names?: Readonly<Record<string, string | undefined>>;
  /** Keys of the body that clients are known to send along, and that have no effect. @defaultValue none: they are refused */
  readonly ignoredKeys?: readonly string[];
  /** Reads the operation's input. The keys that it reads are those that the route knows. */
  readonly input: (request: RouteRequest) => unknown;
  readonly respond: (output: never, request: RouteRequest) => RouteResponse;
}

/** Ties a route's input and response to its operation's types. */
export function defineRoute<Name extends OperationName>(route: {
  readonly method: Route['method'];
  readonly path: string;
  readonly operation: Name;
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

/** A name of code as requests and answers have it. */
export const wireName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What a parameter of a route's operation is called in requests. */
export function nameInRequest({ path, names }: Route, parameter: string): string {
  if (path.split('/').some((part) => part === `:${parameter}` || part === `*${parameter}`)) return parameter;
  return names?.[parameter] ?? wireName(parameter);
}

/** A query parameter as a number. What is none is left as it is, for the operation's schema to refuse. */
export function numberOf(value: string | undefined): number | string | undefined {
  return value !== undefined && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
}

/** Days, or days and times; in UTC where there is no offset. The plus of an offset is a space if the client has not encoded it. */
const ISO_8601 = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|([ +-]\d\d):?(\d\d))?)?$/;

/** A query parameter as a time in ms since the epoch, which clients may write so, or in ISO 8601. What is none is left as it is. */
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

/** A query parameter as a boolean. @throws MatrixError `M_INVALID_PARAM` for what is neither `true` nor `false` */
export function flagOf(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new MatrixError('M_INVALID_PARAM', `bad parameter "${name}": expected true or false`);
}

export const ok = (body: unknown): RouteResponse => ({ status: 200, body });

/** A part of a list, and the `from` of the next one where there is more. */
export const page = (items: Record<string, unknown>, nextToken: string | number | undefined): RouteResponse =>
  ok(nextToken === undefined ? items : { ...items, next_token: String(nextToken) });

/** Where the caller finds a job. */
export const jobLocation = (request: RouteRequest, jobId: string): Record<string, string> => ({
  Location: request.urlOf(`/_dendrite/admin/jobs/${jobId}`),
});

/** The answer while a job is under way. */
export const accepted = (jobId: string, request: RouteRequest): RouteResponse => ({
  status: 202,
  body: { job_id: jobId },
  headers: jobLocation(request, jobId),
});
