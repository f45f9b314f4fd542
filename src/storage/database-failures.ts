import { MatrixError } from '../errors.ts';

/**
 * SQLSTATEs for a transaction that PostgreSQL has rolled back because of concurrent transactions: serialization_failure and
 * deadlock_detected.
 */
const CONFLICTS: ReadonlySet<string> = new Set(['40001', '40P01']);

/** SQLSTATEs for a PostgreSQL server that is starting or shutting down, or that has no free connection. */
const AWAY: ReadonlySet<string> = new Set(['53300', '57P01', '57P02', '57P03']);
/** Matches the SQLSTATE class connection_exception, and the error codes of Node's sockets. */
const LOST =
  /^(?:08...|ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
/** Matches the messages of the errors that the package `pg` throws if a connection was cut. These errors have no code. */
const CUT = /Connection terminated|Connection ended unexpectedly|Client has encountered a connection error/i;

/** Returns the SQLSTATE of a database error, or the code of another error. Returns an empty text if the error has no code. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Tells whether PostgreSQL rolled a transaction back because of concurrent transactions. If so, a retry may succeed. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(codeOf(error));
}

/**
 * Tells whether an error means that the connection to PostgreSQL was lost or refused. After a loss, the caller does not know
 * whether PostgreSQL has run the last statement.
 */
export function isConnectionLoss(error: unknown): boolean {
  return error instanceof Error && (LOST.test(codeOf(error)) || AWAY.has(codeOf(error)) || CUT.test(error.message));
}

/**
 * Tells whether an error means that the database is unavailable, or that no connection of the pool became free in time. For an
 * `AggregateError`, one such error among its errors is enough.
 */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isUnavailable);
  return isConnectionLoss(error) || error.name === 'KnexTimeoutError';
}

/**
 * How long a client should wait before it tries again if the database is busy or unavailable, in ms. The error answer contains
 * this time as `retry_after_ms`.
 */
const RETRY_AFTER_MS = 5_000;

/**
 * Returns the Matrix error to answer with, instead of an error of the database. Its status is 503. Returns `undefined` if the
 * given error means neither that the database is unavailable nor that there was a conflict with concurrent transactions.
 */
export function unavailableAnswer(error: unknown): MatrixError | undefined {
  if (!isUnavailable(error) && !isConflict(error)) return undefined;
  return new MatrixError('M_UNKNOWN', 'The database of the homeserver is busy or unavailable; try again later', {
    status: 503,
    fields: { retry_after_ms: RETRY_AFTER_MS },
    cause: error,
  });
}
