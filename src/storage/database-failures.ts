import { MatrixError } from '../errors.ts';

/** SQLSTATEs of transactions that PostgreSQL has rolled back because of others: serialization_failure, deadlock_detected. */
const CONFLICTS: ReadonlySet<string> = new Set(['40001', '40P01']);

/** SQLSTATEs of a server that shuts down, starts, or has no connection to spare. */
const AWAY: ReadonlySet<string> = new Set(['53300', '57P01', '57P02', '57P03']);
/** SQLSTATE class connection_exception, and error codes of Node's sockets. */
const LOST =
  /^(?:08...|ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
/** What pg says of a connection that was cut: these errors have no code. */
const CUT = /Connection terminated|Connection ended unexpectedly|Client has encountered a connection error/i;

/** SQLSTATE of an error of the database, or the code of another error; empty where there is none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Whether a transaction failed only because of others at the same time: the same again may succeed. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(codeOf(error));
}

/** Whether a connection was lost. Nobody knows then whether the server has done the last statement. */
export function isConnectionLoss(error: unknown): boolean {
  return error instanceof Error && (LOST.test(codeOf(error)) || AWAY.has(codeOf(error)) || CUT.test(error.message));
}

/** Whether the database can't be used for the time being, or has no connection to spare. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isUnavailable);
  return isConnectionLoss(error) || error.name === 'KnexTimeoutError';
}

/** How long clients are told to wait for a database that is away, in ms. */
const RETRY_AFTER_MS = 5_000;

/** The answer to callers when the database is away, or conflicts do not end. `undefined` for other errors. */
export function unavailableAnswer(error: unknown): MatrixError | undefined {
  if (!isUnavailable(error) && !isConflict(error)) return undefined;
  return new MatrixError('M_UNKNOWN', 'The database of the homeserver is busy or away; try again later', {
    status: 503,
    fields: { retry_after_ms: RETRY_AFTER_MS },
    cause: error,
  });
}
