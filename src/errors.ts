/** Matrix error codes that this package answers with, and the status each has unless told otherwise. */
export const ERROR_STATUS = {
  M_BAD_JSON: 400,
  M_BAD_STATE: 400,
  M_EXCLUSIVE: 400,
  M_FORBIDDEN: 403,
  M_GUEST_ACCESS_FORBIDDEN: 403,
  M_INCOMPATIBLE_ROOM_VERSION: 400,
  M_INVALID_PARAM: 400,
  M_INVALID_USERNAME: 400,
  M_LIMIT_EXCEEDED: 429,
  M_MISSING_PARAM: 400,
  M_MISSING_TOKEN: 401,
  M_NOT_FOUND: 404,
  M_NOT_JSON: 400,
  M_TOO_LARGE: 413,
  M_UNKNOWN: 500,
  M_UNKNOWN_TOKEN: 401,
  M_UNRECOGNIZED: 404,
  M_USER_IN_USE: 400,
  M_USER_LOCKED: 401,
  M_USER_SUSPENDED: 403,
  M_WEAK_PASSWORD: 400,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_STATUS, value);
}

declare const brand: unique symbol;
/** A code of a host's own, such as `ORG_EXAMPLE_LEGAL_HOLD`, that a hook refuses with. */
export type OwnErrorCode = string & { readonly [brand]: 'OwnErrorCode' };

/** Whether `value` can be an error code: up to 255 characters of ASCII without spaces. */
export function isOwnErrorCode(value: unknown): value is OwnErrorCode {
  return typeof value === 'string' && /^[!-~]{1,255}$/.test(value);
}

export interface MatrixErrorOptions extends ErrorOptions {
  /** HTTP status, where the code has more than one. @defaultValue the code's entry in `ERROR_STATUS`, 403 for a host's own */
  status?: number;
  /** Fields that the code defines beside `errcode` and `error`, `retry_after_ms` for one. */
  fields?: Readonly<Record<string, unknown>>;
}

/** The one error that callers see, over HTTP as `{"errcode", "error"}`, in-process as a thrown object. */
export class MatrixError extends Error {
  override readonly name = 'MatrixError';
  readonly errcode: ErrorCode | OwnErrorCode;
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(errcode: ErrorCode | OwnErrorCode, message: string, options: MatrixErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.errcode = errcode;
    this.status = options.status ?? (isErrorCode(errcode) ? ERROR_STATUS[errcode] : ERROR_STATUS.M_FORBIDDEN);
    this.fields = options.fields ?? {};
  }

  /** The response body, Matrix specification, Client-Server API, "Standard error response". */
  toJSON(): Record<string, unknown> {
    return { ...this.fields, errcode: this.errcode, error: this.message };
  }
}

/** An input that is not as it must be. `M_MISSING_PARAM` or `M_INVALID_PARAM`. */
export class ParameterError extends MatrixError {
  /** Where it is: the name of the parameter, and the way into its value. */
  readonly path: readonly string[];
  readonly problem: string | undefined;

  /** @param problem `undefined`: it is missing */
  constructor(path: readonly string[], problem: string | undefined) {
    const name = path.join('.');
    if (problem === undefined) super('M_MISSING_PARAM', `missing parameter "${name}"`);
    else super('M_INVALID_PARAM', `bad parameter "${name}": ${problem}`);
    this.path = path;
    this.problem = problem;
  }

  /** The same of a parameter that the caller knows by another name. */
  renamed(nameOf: (parameter: string) => string): ParameterError {
    const [parameter = '', ...rest] = this.path;
    return new ParameterError([nameOf(parameter), ...rest], this.problem);
  }
}

/**
 * Why another server gave no good answer. `refused`: it answered with an error status. `unreachable`: there was no answer,
 * or not in time. `bad_answer`: the answer was none that the specification allows.
 */
export type FederationFailure = 'refused' | 'unreachable' | 'bad_answer';

/** What a host's `FederationSender` throws. The message names the server and repeats none of its words but the `errcode`. */
export class FederationError extends Error {
  override readonly name = 'FederationError';
  readonly reason: FederationFailure;
  /** HTTP status of a refusal. */
  readonly status: number | undefined;
  /** Of a refusal, if it had one. */
  readonly errcode: string | undefined;

  constructor(
    reason: FederationFailure,
    message: string,
    options: ErrorOptions & { readonly status?: number; readonly errcode?: string } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.reason = reason;
    this.status = options.status;
    this.errcode = options.errcode;
  }
}

/** Whatever was thrown, as an `Error`. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

interface DatabaseError extends Error {
  readonly code: string;
  readonly severity: string;
  readonly table?: string;
  readonly constraint?: string;
}

function isDatabaseError(error: Error): error is DatabaseError {
  return 'severity' in error && 'code' in error && typeof error.code === 'string';
}

/** Knex puts the statement before the message of whatever fails in a query, a lost connection for one. */
const STATEMENT =
  /^\s*(?:with|select|insert|update|delete|create|alter|drop|analyze|lock|truncate|begin|commit|rollback|savepoint|release|set)\b[\s\S]* - /i;

/**
 * What logs and jobs may say of an error. The messages of PostgreSQL and Knex repeat the statement with its values, which
 * are message bodies and access tokens here; of them only the SQLSTATE and the names it concerns are told.
 */
export function describeError(thrown: unknown): string {
  const error = toError(thrown);
  if (!isDatabaseError(error)) return error.message.replace(STATEMENT, '') || error.name;
  const concerned = [error.table, error.constraint].filter((name) => name !== undefined);
  return ['PostgreSQL error', error.code, ...concerned].join(' ');
}

/** For logs: what happened and where, without the message of a database error. */
export function errorFields(thrown: unknown): Record<string, unknown> {
  const frames = toError(thrown)
    .stack?.split('\n')
    .filter((line) => /^\s+at /.test(line));
  return { error: describeError(thrown), stack: frames?.join('\n') };
}
