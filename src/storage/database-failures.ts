import { MatrixError } from '../errors.ts';

/**
 * SQLSTATEs of a transaction that PostgreSQL has rolled back because of other transactions: serialization_failure and
 * deadlock_detected.
 */
const CONFLICTS: ReadonlySet<string> = new Set(['40001', '40P01']);

/** SQLSTATEs of a server that is starting or shutting down, or has no free connection. */
const AWAY: ReadonlySet<string> = new Set(['53300', '57P01', '57P02', '57P03']);
/** Matches the SQLSTATE class connection_exception, and the error codes of Node's sockets. */
const LOST =
  /^(?:08...|ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
/** Matches the messages of pg's errors for a connection that was cut. These errors have no code. */
const CUT = /Connection terminated|Connection ended unexpectedly|Client has encountered a connection error/i;

/** Returns the SQLSTATE of a database error, or the code of another error. Returns an empty text if the error has no code. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Tells whether a transaction failed only because of concurrent transactions. A retry may then succeed. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(codeOf(error));
}

/**
 * Tells whether the connection was lost or refused. After a loss, the caller does not know whether the server has run the last
 * statement.
 */
export function isConnectionLoss(error: unknown): boolean {
  return error instanceof Error && (LOST.test(codeOf(error)) || AWAY.has(codeOf(error)) || CUT.test(error.message));
}

/** Tells whether an error means that the database is unavailable, or that the pool had no free connection. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isUnavailable);
  return isConnectionLoss(error) || error.name === 'KnexTimeoutError';
}

/**
 * How long clients should wait before they try again while the database is unavailable, in ms. Error answers contain this time.
 */
const RETRY_AFTER_MS = 5_000;

/**
 * Returns the error that callers get if the database is unavailable, or if conflicts with other transactions persist. Returns
 * `undefined` for other errors.
 */
export function unavailableAnswer(error: unknown): MatrixError | undefined {
  if (!isUnavailable(error) && !isConflict(error)) return undefined;
  return new MatrixError('M_UNKNOWN', 'The database of the homeserver is busy or unavailable; try again later', {
    status: 503,
    fields: { retry_after_ms: RETRY_AFTER_MS },
    cause: error,
  });
}
