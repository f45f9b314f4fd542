export type EngineErrorKind =
  /** Refused, reset or broken off. */
  | 'connection'
  /** No complete answer in time. */
  | 'timeout'
  /** An answer that is no success. */
  | 'status'
  /** An answer that is not Meilisearch's. */
  | 'protocol'
  /** `stop()` was called. */
  | 'stopped'
  /** A task that was accepted, and failed. */
  | 'task';

export interface EngineErrorOptions extends ErrorOptions {
  readonly status?: number;
  readonly code?: string;
  readonly retryAfterMs?: number;
}

/** Whatever went wrong between this process and Meilisearch. The message holds no key and no text of an event. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly kind: EngineErrorKind;
  /** HTTP status of the answer, if there was one. */
  readonly status: number | undefined;
  /** Meilisearch's error code, `index_not_found` for one. */
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

/** An `EngineError` as it is, also from inside the npm client's own error; anything else as a broken answer. */
export function toEngineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  if (thrown instanceof Error && thrown.cause instanceof EngineError) return thrown.cause;
  return new EngineError('protocol', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}

/** What the engine said, without the document that some of its messages quote. */
export function withoutDocument(message: string): string {
  return (message.split(/`?\{/, 1)[0] ?? '').trimEnd().slice(0, 300);
}

/** Whether the engine answered that it has no such index. */
export function isIndexNotFound(thrown: unknown): boolean {
  return thrown instanceof EngineError && thrown.code === 'index_not_found';
}
