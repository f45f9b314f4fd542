import { expect, it, vi } from 'vitest';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { startFixtureHomeserver } from './fixture-homeserver.ts';

it('logs queries that close() cuts off, instead of writing to the terminal', async () => {
  const logger = createCapturedLogger();
  const consoles = (['log', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name));
  const { homeserver, stop } = await startFixtureHomeserver({ logger });
  // The callers are more than the pool has connections, so some of them always wait for one.
  const callers = Array.from({ length: 60 }, async () => {
    for (;;) await homeserver.db.raw('SELECT pg_sleep(0.05)');
  });
  const ends = Promise.allSettled(callers);
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
