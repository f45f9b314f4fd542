import { describe, expect, it } from 'vitest';
import { orAborted } from '../../src/rooms/or-aborted.ts';

const never = new Promise<never>(() => {});

describe('a request that the host never ends', () => {
  it('ends when the signal is aborted', async () => {
    const controller = new AbortController();
    const waiting = orAborted(never, { signal: controller.signal });
    controller.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
  });

  it('ends when the signal was aborted before', async () => {
    await expect(orAborted(never, { signal: AbortSignal.abort(new Error('cancelled')) })).rejects.toThrow('cancelled');
  });
});
