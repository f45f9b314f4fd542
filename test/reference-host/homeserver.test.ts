import { expect, it, vi } from 'vitest';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { startFixtureHomeserver } from './fixture-homeserver.ts';

it('logs queries that close() cuts off, instead of writing to the terminal', async () => {
  const logger = createCapturedLogger();
  const consoles = (['log', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name));
  const { homeserver, stop } = await startFixtureHomeserver({ logger });
  // The end of the plugin needs connections, too. Without this line, it could wait until all queries have ended.
  await homeserver.admin.stop();
  // There are more queries than the pool has connections.
  const queries = Array.from({ length: 100 }, async () => homeserver.db.raw('SELECT pg_sleep(1)'));
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
