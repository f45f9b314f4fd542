import { useCallback, useEffect, useState } from 'preact/hooks';
import { errorOf } from './format.ts';

/** What a component has loaded. */
export interface Loaded<T> {
  /** The result of the last successful load. `undefined` if no load has succeeded yet. */
  readonly value: T | undefined;
  /** Why the last load failed. `undefined` if the last load succeeded, or if no load has ended yet. */
  readonly error: Error | undefined;
  readonly reload: () => void;
}

/** Time after which the console repeats a request that did not reach the homeserver, in ms. */
const RETRY_MS = 2_000;

/**
 * Calls `load` when the component appears, and again when `dependencies` change. If the homeserver cannot be reached, calls
 * `load` again until the homeserver answers.
 * @param everyMs time between the end of a successful load and the next load. @defaultValue `load` is not repeated
 */
export function useLoaded<T>(load: () => Promise<T>, dependencies: readonly unknown[], everyMs?: number): Loaded<T> {
  const [value, setValue] = useState<T>();
  const [error, setError] = useState<Error>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (ms: number): void => {
      timer = setTimeout(() => setRound((last) => last + 1), ms);
    };
    const run = async (): Promise<void> => {
      const loaded = await load();
      if (!isCurrent) return;
      setValue(() => loaded);
      setError(undefined);
      if (everyMs !== undefined) again(everyMs);
    };
    run().catch((reason: unknown) => {
      if (!isCurrent) return;
      setError(errorOf(reason));
      // `fetch` throws a TypeError if the homeserver does not answer.
      if (reason instanceof TypeError) again(RETRY_MS);
    });
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [...dependencies, round]);
  const reload = useCallback(() => setRound((last) => last + 1), []);
  return { value, error, reload };
}
