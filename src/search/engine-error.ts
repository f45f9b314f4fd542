export type EngineErrorKind =
  /** No connection could be made, or the connection was cut. */
  | 'connection'
  /** The answer was not complete in time. */
  | 'timeout'
  /** The HTTP status was not a success. */
  | 'status'
  /**
   * The answer is not one that the search engine should give, for example not JSON, or an index is missing. Also any other
   * error.
   */
  | 'protocol'
  /** The search index was stopped with `stop()`. */
  | 'stopped'
  /** The search engine refused documents, or did not finish work that it had accepted. */
  | 'task';

export interface EngineErrorOptions extends ErrorOptions {
  readonly status?: number;
  readonly code?: string;
  readonly retryAfterMs?: number;
}

/** An error of a search engine that is a server of its own. The message never contains an API key or the text of an event. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly kind: EngineErrorKind;
  /** HTTP status of the answer. `undefined` if there was no answer, or if the error is not about a single answer. */
  readonly status: number | undefined;
  /** The engine's error code, such as `index_not_found`. `undefined` if the engine gave none. */
  readonly code: string | undefined;
  /** How long the engine asks to wait before a retry, in ms. `undefined` if it does not ask. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: EngineErrorKind, message: string, options: EngineErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.kind = kind;
    this.status = options.status;
    this.code = options.code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Returns a thrown `EngineError`, also if the npm client of the engine has wrapped it as the `cause` of another error. Any
 * other error becomes the `cause` of a new `EngineError` of the kind `protocol`.
 */
export function toEngineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  if (thrown instanceof Error && thrown.cause instanceof EngineError) return thrown.cause;
  return new EngineError('protocol', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}

/**
 * Cuts an error message of the engine before the first `{`, because a document may begin there, and after 300 UTF-16 code
 * units.
 */
export function withoutDocument(message: string): string {
  return (message.split(/`?\{/, 1)[0] ?? '').trimEnd().slice(0, 300);
}

/** Tells whether the engine refuses the credentials or the address. A retry of the request cannot help then. */
export function isRefusal({ status }: EngineError): boolean {
  return status === 401 || status === 403 || status === 404;
}
