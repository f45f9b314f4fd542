import knex, { type Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserId } from '../../../src/ids.ts';
import { addAccount, addDevice, SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { countFromEnvironment } from '../../support/long-version.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const ROUNDS = countFromEnvironment('ROUNDS', 2);
const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const LAST = { status: 409, errcode: 'M_BAD_STATE' };
const idOf = (localpart: string): UserId => `@${localpart}:${SERVER_NAME}` as UserId;
const [ANN, BEN, CAT] = [idOf('ann'), idOf('ben'), idOf('cat')];

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

/** Ann and Ben are administrators, and Cat is not. There are no other users. */
beforeEach(reset);
async function reset(): Promise<void> {
  for (const table of ['userapi_accounts', 'userapi_devices', 'matrix_admin.account_restrictions'])
    await db(table).del();
  for (const localpart of ['ann', 'ben', 'cat']) {
    await addAccount(db, { localpart, accountType: localpart === 'cat' ? 1 : 3 });
    await addDevice(db, { accessToken: `token-of-${localpart}`, localpart });
  }
}

/** Lists the administrators who are not deactivated, locked or suspended. */
async function activeAdmins(): Promise<string[]> {
  const restricted: string[] = await db('matrix_admin.account_restrictions').pluck('user_id');
  const admins: string[] = await db('userapi_accounts')
    .where({ account_type: 3, is_deactivated: false })
    .pluck('localpart');
  return admins.map(idOf).filter((userId) => !restricted.includes(userId));
}

interface Way {
  readonly name: string;
  readonly path: (userId: UserId) => string;
  readonly method: 'PUT' | 'POST';
  readonly body: object;
}

const user = (userId: UserId): string => `/_synapse/admin/v2/users/${userId}`;
const moderation = (kind: string) => (userId: UserId) => `/_matrix/client/v1/admin/${kind}/${userId}`;

/** All ways in which an administrator can demote, restrict or deactivate another one. */
const WAYS: readonly Way[] = [
  { name: 'demote', path: (id) => `/_synapse/admin/v1/users/${id}/admin`, method: 'PUT', body: { admin: false } },
  { name: 'change to no administrator', path: user, method: 'PUT', body: { admin: false } },
  { name: 'deactivate', path: (id) => `/_synapse/admin/v1/deactivate/${id}`, method: 'POST', body: {} },
  { name: 'erase', path: (id) => `/_synapse/admin/v1/deactivate/${id}`, method: 'POST', body: { erase: true } },
  { name: 'change to deactivated', path: user, method: 'PUT', body: { deactivated: true } },
  { name: 'change to demoted and locked', path: user, method: 'PUT', body: { admin: false, locked: true } },
  { name: 'change to locked', path: user, method: 'PUT', body: { locked: true } },
  { name: 'change to suspended', path: user, method: 'PUT', body: { suspended: true } },
  { name: 'lock', path: moderation('lock'), method: 'PUT', body: { locked: true } },
  { name: 'suspend', path: moderation('suspend'), method: 'PUT', body: { suspended: true } },
  {
    name: 'suspend as Synapse',
    path: (id) => `/_synapse/admin/v1/suspend/${id}`,
    method: 'PUT',
    body: { suspend: true },
  },
];

const use = ({ path, method, body }: Way, by: string, userId: UserId): Promise<Answer> =>
  plugin.request(path(userId), { method, headers: bearer(`token-of-${by}`), body: JSON.stringify(body) });

const pairs = WAYS.flatMap((one, i) => WAYS.slice(i).map((other) => [one.name, other.name, one, other] as const));

describe('two administrators who demote each other at the same time', () => {
  it.each(pairs)('%s, %s: one administrator stays', async (_one, _other, one, other) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      if (round > 0) await reset();
      const answers = await Promise.all([use(one, 'ann', BEN), use(other, 'ben', ANN)]);
      // A request that comes late may find that its target is the last administrator, or that its caller was demoted or logged
      // out. Administrators are never locked.
      expect(answers.filter(({ status }) => ![200, 201, 401, 403, 409].includes(status))).toEqual([]);
      expect((await activeAdmins()).length).toBeGreaterThan(0);
    }
  });
});

describe('the last active administrator', () => {
  const restrict = (userId: UserId, restriction: string): PromiseLike<unknown> =>
    db('matrix_admin.account_restrictions').insert({ user_id: userId, restriction, set_by: 'test' });

  it.each(WAYS.filter(({ name }) => /demote|administrator|deactivate|erase/.test(name)))(
    'stays over HTTP: $name',
    async (way) => {
      for (const restriction of ['locked', 'suspended']) {
        await restrict(BEN, restriction);
        const own = await use(way, 'ann', ANN);
        const isDemotion = 'admin' in way.body;
        expect([own.status, jsonOf(own).errcode]).toEqual(isDemotion ? [400, 'M_INVALID_PARAM'] : [409, 'M_BAD_STATE']);
        expect(await activeAdmins()).toEqual([ANN]);
        await db('matrix_admin.account_restrictions').del();
      }
    },
  );

  it.each(['locked', 'suspended'])(
    'stays an administrator in-process if the other administrator is %s',
    async (restriction) => {
      const { setUserAdmin, setUser, deactivateUser } = plugin.admin.operations;
      await restrict(BEN, restriction);
      for (const calls of [
        () => setUserAdmin({ userId: ANN, admin: false }, SYSTEM),
        () => setUser({ userId: ANN, admin: false }, SYSTEM),
        () => setUser({ userId: ANN, deactivated: true }, SYSTEM),
        () => deactivateUser({ userId: ANN }, SYSTEM),
        () => deactivateUser({ userId: ANN, dryRun: true }, SYSTEM),
      ]) {
        await expect(calls()).rejects.toMatchObject({ ...LAST, message: expect.stringContaining(ANN) });
      }
      expect(await activeAdmins()).toEqual([ANN]);
    },
  );

  it('does not count an account that is locked while it becomes an administrator', async () => {
    await db.raw(
      `CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$`,
    );
    const table = 'matrix_admin.account_restrictions';
    await db.raw(`CREATE TRIGGER slow BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION slow()`);
    const { setUserLocked, setUserAdmin } = plugin.admin.operations;
    await setUserAdmin({ userId: BEN, admin: false }, SYSTEM);
    const locking = setUserLocked({ userId: CAT, locked: true }, SYSTEM).catch(() => undefined);
    await expect
      .poll(async () => (await db.raw(`SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`)).rows.length)
      .toBe(1);
    await setUserAdmin({ userId: CAT, admin: true }, SYSTEM);
    await setUserAdmin({ userId: ANN, admin: false }, SYSTEM).catch(() => undefined);
    await locking;
    expect((await activeAdmins()).length).toBe(1);
    await db.raw(`DROP TRIGGER slow ON ${table}`);
  });

  it('stays an administrator on a database whose default isolation level is not READ COMMITTED', async () => {
    await db.raw(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''',
      current_database()); END $$`);
    const { connectionString } = plugin.database;
    const strictDb = knex({ client: 'pg', connection: connectionString, pool: { min: 0, max: 6 } });
    const strict = await mountPlugin({ database: plugin.database, host: { db: strictDb } });
    const { setUserAdmin } = strict.admin.operations;
    for (let round = 0; round < ROUNDS; round += 1) {
      await reset();
      const demotions = [ANN, BEN].map((userId) => setUserAdmin({ userId, admin: false }, SYSTEM));
      const outcomes = await Promise.allSettled(demotions);
      expect(await activeAdmins()).toHaveLength(1);
      expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: LAST });
    }
    await strict.close();
    await strictDb.destroy();
  });
});
