import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../src/ids.ts';
import { type AccountStanding, deny } from '../../src/index.ts';
import type { OperationName } from '../../src/operations/operations.ts';
import { addAccount, SERVER_NAME, USERS } from './dendrite-server.ts';
import { type Answer, jsonOf } from './http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from './mounted-plugin.ts';
import { changesOf } from './recordings.ts';

/** The user whose standing the tests change. */
export const BOB = USERS.bob.user_id as UserId;

/** The standing of an account about which administrators have decided nothing. */
export const NOTHING: AccountStanding = {
  suspended: false,
  locked: false,
  shadowBanned: false,
  rateLimit: undefined,
  features: [],
  keysReplaceableUntil: undefined,
  hiddenDevices: [],
  hasLoginEnded: false,
};

/** A request that changes the standing of `BOB`. Paths are below `/_synapse/admin/v1/`. */
export type StandingChange = readonly [method: string, path: string, body: object | undefined];

/** A plugin for tests of decisions about accounts. */
export interface StandingTests {
  readonly plugin: () => MountedPlugin;
  readonly db: () => Knex;
  /** Sends a request as the administrator, or with another access token. */
  readonly send: (method: string, path: string, body?: object, token?: string) => Promise<Answer>;
  /** Returns the standing that the homeserver sees. */
  readonly check: (userId?: string) => Promise<AccountStanding>;
}

/**
 * Mounts a plugin with a second administrator and a deactivated account.
 * @param changed gets the ids of the users of whom the plugin clears the caches
 */
export async function mountForStandings(changed: string[]): Promise<MountedPlugin> {
  const plugin = await mountPlugin({
    host: { caches: { dropRooms: () => {}, dropUsers: (users) => void changed.push(...users) } },
  });
  const { db } = plugin.database;
  await addAccount(db, { localpart: 'root', accountType: 3 });
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
  return plugin;
}

/**
 * Mounts a plugin for a test file, and defines the tests that all changes of a standing have in common.
 * @param operations the names of the operations that `changes` call
 */
export function standingTests(operations: readonly OperationName[], changes: readonly StandingChange[]): StandingTests {
  const changed: string[] = [];
  let plugin: MountedPlugin;
  let db: Knex;
  beforeAll(async () => {
    plugin = await mountForStandings(changed);
    ({ db } = plugin.database);
  });
  afterAll(() => plugin.close());

  const send: StandingTests['send'] = (method, path, body, token = USERS.admin.access_token) =>
    plugin.request(`/_synapse/admin/v1/${path}`, {
      method,
      headers: bearer(token),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const check = (userId: string = BOB): Promise<AccountStanding> => plugin.admin.accounts.check(userId as UserId);

  describe('every change', () => {
    it.each(changes)('%s %s is for administrators', async (method, path, body) => {
      expect((await send(method, path, body, USERS.bob.access_token)).status).toBe(403);
      expect((await send(method, path, body, 'nobody')).status).toBe(401);
      expect(await check()).toEqual(NOTHING);
    });

    it.each(changes)('%s %s is refused for users who do not exist', async (method, path, body) => {
      for (const [userId, status] of [
        [`@nobody:${SERVER_NAME}`, 404],
        ['@x:remote.example', 400],
        ['bob', 400],
      ] as const) {
        expect((await send(method, path.replace(BOB, encodeURIComponent(userId)), body)).status).toBe(status);
      }
    });

    it.each(changes)('%s %s can be refused by a hook, and is in the audit', async (method, path, body) => {
      const off = operations.map((name) =>
        plugin.admin.hooks.before(name, { name: 'test' }, () => deny('M_FORBIDDEN', 'no')),
      );
      const answer = await send(method, path, body);
      expect([answer.status, jsonOf(answer).error]).toEqual([403, 'no']);
      for (const remove of off) remove();
      const entry = await db('matrix_admin.audit').orderBy('id', 'desc').first();
      expect(operations).toContain(entry.operation);
      expect(entry).toMatchObject({
        actor: USERS.admin.user_id,
        target: BOB,
        outcome: 'refused',
        errcode: 'M_FORBIDDEN',
      });
      expect(await check()).toEqual(NOTHING);
    });

    it('changes no table of Dendrite, and clears the caches of the homeserver', async () => {
      const rows = await changesOf(db, async () => {
        for (const [method, path, body] of changes) await send(method, path, body);
      });
      expect(rows).toEqual({});
      await expect.poll(() => changed).toContain(BOB);
    });
  });
  return { plugin: () => plugin, db: () => db, send, check };
}
