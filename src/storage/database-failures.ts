import { MatrixError } from '../errors.ts';

/** SQLSTATEs of transactions rolled back because of other transactions: serialization_failure, deadlock_detected. */
const CONFLICTS: ReadonlySet<string> = new Set(['40001', '40P01']);

/** SQLSTATEs of a server that shuts down, starts, or has no free connection. */
const AWAY: ReadonlySet<string> = new Set(['53300', '57P01', '57P02', '57P03']);
/** SQLSTATE class connection_exception, and error codes of Node's sockets. */
const LOST =
  /^(?:08...|ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
/** Messages of pg for a cut connection. These errors have no code. */
const CUT = /Connection terminated|Connection ended unexpectedly|Client has encountered a connection error/i;

/** The SQLSTATE of a database error, or the code of another error. Empty if there is none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Whether a transaction failed only because of concurrent transactions. A retry may succeed. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(codeOf(error));
}

/** Whether a connection was lost. It is then unknown whether the server has run the last statement. */
export function isConnectionLoss(error: unknown): boolean {
  return error instanceof Error && (LOST.test(codeOf(error)) || AWAY.has(codeOf(error)) || CUT.test(error.message));
}

/** Whether the database is temporarily unusable, or has no free connection. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isUnavailable);
  return isConnectionLoss(error) || error.name === 'KnexTimeoutError';
}

/** The wait that error answers suggest to clients while the database is unavailable, in ms. */
const RETRY_AFTER_MS = 5_000;

/** The answer to callers if the database is unavailable or conflicts persist. `undefined` for other errors. */
export function unavailableAnswer(error: unknown): MatrixError | undefined {
  if (!isUnavailable(error) && !isConflict(error)) return undefined;
  return new MatrixError('M_UNKNOWN', 'The database of the homeserver is busy or unavailable; try again later', {
    status: 503,
    fields: { retry_after_ms: RETRY_AFTER_MS },
    cause: error,
  });
}
