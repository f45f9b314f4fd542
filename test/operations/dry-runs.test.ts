import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { USERS } from '../support/dendrite-server.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { changesOf } from '../support/recordings.ts';

/** What the plugin may use of the pool at a time; the pool of these tests has one connection more. */
const CONNECTIONS = 4;
const CALLS = 50;

let database: TestDatabase;
let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  database = await createTestDatabase({ fixture: true, poolSize: CONNECTIONS + 1 });
  ({ db } = database);
  plugin = await mountPlugin({ database, options: { serverNotices: {}, limits: { connections: CONNECTIONS } } });
});
afterAll(async () => {
  await plugin.close();
  await database.drop();
});

describe('dry runs', () => {
  it.each([
    ['POST', `/_dendrite/admin/evacuateUser/${USERS.bob.user_id}`, {}],
    ['POST', `/_dendrite/admin/evacuateRoom/${server.rooms.v10}`, {}],
    ['POST', `/_dendrite/admin/purgeRoom/${server.rooms.v10}`, { evacuate: true, block: true }],
    ['DELETE', `/_synapse/admin/v1/rooms/${server.rooms.v10}`, { block: true }],
    ['POST', `/_synapse/admin/v1/deactivate/${USERS.bob.user_id}`, { erase: true }],
    ['POST', '/_dendrite/admin/serverNotices', { content: { msgtype: 'm.text', body: 'hello' } }],
  ])('fifty at once of %s %s need no more than a small pool', async (method, path, input) => {
    const body = JSON.stringify({ ...input, dry_run: true });
    const changes = await changesOf(db, async () => {
      const calls = Array.from({ length: CALLS }, () => plugin.asAdmin(path, { method, body, limitMs: 30_000 }));
      const answers = await Promise.all(calls);
      expect([...new Set(answers.map(({ status }) => status))]).toEqual([200]);
      expect([...new Set(answers.map(({ text }) => text))]).toHaveLength(1);
    });
    expect(changes).toEqual({});
  });

  it('hold no transaction while another server is asked', async () => {
    let held: unknown;
    const asking = await mountPlugin({
      database,
      host: {
        federation: {
          wake: () => {},
          queryDevices: async () => {
            // Not the connections in use: the workers of jobs look for work meanwhile.
            const { rows } = await db.raw(
              `SELECT count(*)::int AS held FROM pg_stat_activity
               WHERE datname = current_database() AND state = 'idle in transaction'`,
            );
            held = rows[0].held;
            return { streamId: 1, devices: [] };
          },
        },
      },
    });
    await plugin.admin.jobs.wait(
      (await plugin.admin.operations.reindexFulltext({}, { actor: { kind: 'system', name: 'test' } })).jobId,
    );
    await asking.asAdmin('/_dendrite/admin/refreshDevices/@zoe:other.example', {
      method: 'POST',
      body: '{"dry_run":true}',
    });
    expect(held).toBe(0);
    await asking.close();
  });
});
