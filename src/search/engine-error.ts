export type EngineErrorKind =
  /** The connection was refused, reset or cut. */
  | 'connection'
  /** The answer was not complete in time. */
  | 'timeout'
  /** The HTTP status was not a success. */
  | 'status'
  /** The answer does not come from the search engine. */
  | 'protocol'
  /** `stop()` was called. */
  | 'stopped'
  /** A task was accepted, but failed. */
  | 'task';

export interface EngineErrorOptions extends ErrorOptions {
  readonly status?: number;
  readonly code?: string;
  readonly retryAfterMs?: number;
}

/** A failed request to a search engine that is a server of its own. The message never contains an API key or the text of an event. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly kind: EngineErrorKind;
  /** HTTP status of the answer. `undefined` if there was no answer. */
  readonly status: number | undefined;
  /** The engine's error code, such as `index_not_found`. */
  readonly code: string | undefined;
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
 * Returns the `EngineError` even if the npm client of the engine has wrapped it. Any other error becomes an `EngineError` of the kind
 * `protocol`.
 */
export function toEngineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  if (thrown instanceof Error && thrown.cause instanceof EngineError) return thrown.cause;
  return new EngineError('protocol', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}

/** Shortens an error message of the engine, and removes the document that the message may quote. */
export function withoutDocument(message: string): string {
  return (message.split(/`?\{/, 1)[0] ?? '').trimEnd().slice(0, 300);
}

/** Tells whether the engine refuses the credentials or the address. A retry cannot help, so the error is reported at once. */
export function isRefusal({ status }: EngineError): boolean {
  return status === 401 || status === 403 || status === 404;
}
