import type { Logger } from '../host.ts';
import { isRefusal, toEngineError } from './engine-error.ts';

/** Prepares a search engine that is a server of its own, for example creates the index, before the first use of the engine. */
export interface EngineReadiness {
  /**
   * Prepares the engine. If it is being prepared, waits for that. If it is prepared already, does nothing. After a failure, the
   * next call tries again.
   * @throws the error of the preparation
   */
  readonly ensure: () => Promise<void>;
  /**
   * Prepares the engine when the homeserver starts. Throws only if the engine refuses the credentials or the address. Any other
   * failure is only logged, so that the homeserver starts even if the engine is unavailable.
   * @throws EngineError the refusal
   */
  readonly start: () => Promise<void>;
  /** Makes the next call of `ensure()` prepare the engine again. */
  readonly reset: () => void;
}

/**
 * @param name the engine's name in log messages, such as `OpenSearch`
 * @param prepare prepares the engine. It may run several times
 */
export function createReadiness(
  { engine, name, logger }: { readonly engine: string; readonly name: string; readonly logger: Logger },
  prepare: () => Promise<unknown>,
): EngineReadiness {
  let ready: Promise<unknown> | undefined;
  const ensure = async (): Promise<void> => {
    ready ??= prepare();
    try {
      await ready;
    } catch (error) {
      ready = undefined;
      throw error;
    }
  };
  return {
    ensure,
    start: async () => {
      try {
        await ensure();
      } catch (thrown) {
        const error = toEngineError(thrown);
        if (isRefusal(error)) throw error;
        logger.warn(
          { engine, error: error.message },
          `${name} is unavailable; the next search or write will try again`,
        );
      }
    },
    reset: () => {
      ready = undefined;
    },
  };
}
