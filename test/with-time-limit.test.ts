import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { isOverTime, withTimeLimit } from '../src/with-time-limit.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Resolves when the signal is aborted. Nothing else refers to the signal meanwhile. */
const abortOf = (signal: AbortSignal): Promise<AbortSignal> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(signal), { once: true });
  });

it('a signal is aborted after its time limit, even if garbage is collected before', async () => {
  const aborted = abortOf(withTimeLimit(new AbortController().signal, 100));
  const often = setInterval(collectGarbage, 10);
  expect(isOverTime(await aborted)).toBe(true);
  clearInterval(often);
});

it('a signal is aborted when the given signal is aborted, for the same reason', async () => {
  const stop = new AbortController();
  const aborted = abortOf(withTimeLimit(stop.signal, 60_000));
  stop.abort(new Error('stopped'));
  const signal = await aborted;
  expect([(signal.reason as Error).message, isOverTime(signal)]).toEqual(['stopped', false]);
});
