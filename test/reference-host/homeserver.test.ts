import { expect, it, vi } from 'vitest';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { startFixtureHomeserver } from './fixture-homeserver.ts';

it('logs queries that close() cuts off, instead of writing to the terminal', async () => {
  const logger = createCapturedLogger();
  const consoles = (['log', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name));
  const { homeserver, stop } = await startFixtureHomeserver({ logger });
  // There are many more queries than the pool has connections, so that some of them still wait when the pool closes.
  const queries = Array.from({ length: 200 }, async () => homeserver.db.raw('SELECT pg_sleep(1)'));
  const ends = Promise.allSettled(queries);
  await stop();
  expect((await ends).map(({ status }) => status)).toContain('rejected');
  for (const console of consoles) {
    expect(console).not.toHaveBeenCalled();
    console.mockRestore();
  }
  expect(logger.lines).toContainEqual(
    expect.objectContaining({ level: 'warn', message: expect.stringContaining('Acquire connection error') }),
  );
});
