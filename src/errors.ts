/** The Matrix error codes that this package uses, each with its usual HTTP status. */
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
/** An error code of the host's own, such as `ORG_EXAMPLE_LEGAL_HOLD`. Hooks use it to refuse operations. */
export type OwnErrorCode = string & { readonly [brand]: 'OwnErrorCode' };

/** Tells whether `value` can be an error code: 1 to 255 ASCII characters without spaces. */
export function isOwnErrorCode(value: unknown): value is OwnErrorCode {
  return typeof value === 'string' && /^[!-~]{1,255}$/.test(value);
}

export interface MatrixErrorOptions extends ErrorOptions {
  /** HTTP status of the answer. @defaultValue the code's entry in `ERROR_STATUS`, or 403 for a host's own code */
  status?: number;
  /** Fields of the answer besides `errcode` and `error`, such as `retry_after_ms`. */
  fields?: Readonly<Record<string, unknown>>;
}

/**
 * An error that callers see. HTTP clients get it as the JSON object `{"errcode", "error"}`. In-process callers get it as a
 * thrown object.
 */
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

  /** Returns the response body. Source: Client-Server API, "Standard error response". */
  toJSON(): Record<string, unknown> {
    return { ...this.fields, errcode: this.errcode, error: this.message };
  }
}

/** An invalid or missing input parameter. The code is `M_INVALID_PARAM` or `M_MISSING_PARAM`. */
export class ParameterError extends MatrixError {
  /** Path of the parameter: its name, and then the keys inside its value. */
  readonly path: readonly string[];
  readonly problem: string | undefined;

  /** @param problem what is wrong with the parameter; `undefined` if it is missing */
  constructor(path: readonly string[], problem: string | undefined) {
    const name = path.join('.');
    if (problem === undefined) super('M_MISSING_PARAM', `missing parameter "${name}"`);
    else super('M_INVALID_PARAM', `bad parameter "${name}": ${problem}`);
    this.path = path;
    this.problem = problem;
  }

  /** Returns the same error, but with the name by which the caller knows the parameter. */
  renamed(nameOf: (parameter: string) => string): ParameterError {
    const [parameter = '', ...rest] = this.path;
    return new ParameterError([nameOf(parameter), ...rest], this.problem);
  }
}

/**
 * Why another server has not answered as expected. `refused`: the server answered with an error status. `unreachable`: the
 * server could not be reached, or did not answer in time. `bad_answer`: the server's answer violates the specification.
 */
export type FederationFailure = 'refused' | 'unreachable' | 'bad_answer';

/**
 * An error that a host's `FederationSender` throws. Its message names the server. The message repeats nothing of the server's
 * answer except the `errcode`.
 */
export class FederationError extends Error {
  override readonly name = 'FederationError';
  readonly reason: FederationFailure;
  /** HTTP status of the answer, if the server refused the request. */
  readonly status: number | undefined;
  /** Matrix error code of the answer, if the server refused the request and gave a code. */
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

/** Returns a thrown value as an `Error`. */
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

/** Matches the SQL statement that Knex puts before the message of every error in a query, even if the connection was lost. */
const STATEMENT =
  /^\s*(?:with|select|insert|update|delete|create|alter|drop|analyze|lock|truncate|begin|commit|rollback|savepoint|release|set)\b[\s\S]* - /i;

/**
 * Describes an error for logs and jobs. Messages of PostgreSQL and Knex repeat the SQL statement with its values, such as
 * message bodies and access tokens. So the description of a database error contains only the SQLSTATE, and the names of the
 * table and the constraint. The description of another error is its message, without an SQL statement that Knex has put before
 * it.
 */
export function describeError(thrown: unknown): string {
  const error = toError(thrown);
  if (!isDatabaseError(error)) return error.message.replace(STATEMENT, '') || error.name;
  const concerned = [error.table, error.constraint].filter((name) => name !== undefined);
  return ['PostgreSQL error', error.code, ...concerned].join(' ');
}

/** Returns fields for logs that say what happened and where. The fields do not contain the message of a database error. */
export function errorFields(thrown: unknown): Record<string, unknown> {
  const frames = toError(thrown)
    .stack?.split('\n')
    .filter((line) => /^\s+at /.test(line));
  return { error: describeError(thrown), stack: frames?.join('\n') };
}
