import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase } from '../support/database.ts';
import { USERS } from '../support/dendrite-server.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const CALLER = { actor: { kind: 'system', name: 'test' } } as const;

let plugin: MountedPlugin;
/** The last SQL statements of the worker's first look for work: clean-up, claim and sharing. */
const FIRST_LOOK = ['SET lease_owner', 'WITH due AS', 'SELECT jobs.id, kind'];

beforeAll(async () => {
  const database = await createTestDatabase({ fixture: true });
  const answered: string[] = [];
  database.pluginDb.on('query-response', (_rows: unknown, { sql }: { sql: string }) => answered.push(sql));
  // After its first look, the worker looks for jobs only every ten minutes. So only the call runs statements.
  plugin = await mountPlugin({
    database,
    options: { ...ALL_ROUTES, jobs: { pollIntervalMs: 600_000, leaseMs: 600_000 } },
  });
  await vi.waitUntil(() => FIRST_LOOK.every((part) => answered.some((sql) => sql.includes(part))), { timeout: 10_000 });
});
afterAll(async () => {
  await plugin.close();
  await plugin.database.drop();
});

type Operations = MountedPlugin['admin']['operations'];

/**
 * The maximum number of SQL statements of each call. Raise a number only for a good reason. One statement for each change of an
 * account or a room updates its row in the tables for quick lists.
 */
it.each<[name: string, statements: number, call: (operations: Operations) => Promise<unknown>]>([
  ['whois', 8, (does) => does.whois({ userId: USERS.bob.user_id }, CALLER)],
  ['getUser', 4, (does) => does.getUser({ userId: USERS.bob.user_id }, CALLER)],
  ['listUsers', 1, (does) => does.listUsers({}, CALLER)],
  ['setUserSuspended', 6, (does) => does.setUserSuspended({ userId: USERS.bob.user_id, suspended: true }, CALLER)],
  ['blockRoom', 5, (does) => does.blockRoom({ roomId: server.rooms.v9 }, CALLER)],
  ['setUser', 15, (does) => does.setUser({ userId: '@counted:localhost:18448', password: 'long enough' }, CALLER)],
  [
    'sendServerNotice',
    31,
    (does) => does.sendServerNotice({ userId: USERS.bob.user_id, content: { msgtype: 'm.text', body: 'x' } }, CALLER),
  ],
  ['evacuateRoom', 50, (does) => does.evacuateRoom({ roomId: server.rooms.v10 }, CALLER)],
])('%s runs at most %i statements', async (_name, statements, call) => {
  const asked: string[] = [];
  const note = ({ sql }: { sql: string }): void => void asked.push(sql);
  const { pluginDb: db } = plugin.database;
  db.on('query', note);
  try {
    await call(plugin.admin.operations);
  } finally {
    db.removeListener('query', note);
  }
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.length).toBeLessThanOrEqual(statements);
});
