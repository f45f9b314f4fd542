import { describe, expect, it } from 'vitest';
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { BOB, NOTHING, standingTests } from '../../support/standing-tests.ts';

const BAN = `users/${BOB}/shadow_ban`;

const { plugin, db, send, check } = standingTests(
  ['setUserShadowBanned'],
  [
    ['POST', BAN, undefined],
    ['DELETE', BAN, undefined],
  ],
);

describe('a shadow ban', () => {
  const shown = async (): Promise<unknown> => {
    const user = jsonOf(await plugin().asAdmin(`/_synapse/admin/v2/users/${BOB}`));
    const { users } = jsonOf(await plugin().asAdmin('/_synapse/admin/v2/users?order_by=shadow_banned&dir=b&limit=1'));
    return [user.shadow_banned, (users as { name: string; shadow_banned: boolean }[])[0]];
  };

  it('is shown with the user and in lists, and takes effect at once', async () => {
    expect((await shown()) as unknown[]).toMatchObject([false, { shadow_banned: false }]);
    await send('POST', BAN);
    expect(await shown()).toMatchObject([true, { name: BOB, shadow_banned: true }]);
    expect(await check()).toEqual({ ...NOTHING, shadowBanned: true });
    await send('DELETE', BAN);
    expect(await check()).toEqual(NOTHING);
  });

  it('can be set with a user, and ends with a deactivation', async () => {
    const put = (body: object): Promise<Answer> =>
      plugin().asAdmin(`/_synapse/admin/v2/users/@shady:${SERVER_NAME}`, { method: 'PUT', body: JSON.stringify(body) });
    expect(jsonOf(await put({ shadow_banned: true }))).toMatchObject({ shadow_banned: true });
    expect((await check(`@shady:${SERVER_NAME}`)).shadowBanned).toBe(true);
    expect(jsonOf(await put({ shadow_banned: true, displayname: 'S' }))).toMatchObject({ shadow_banned: true });
    expect(jsonOf(await put({ deactivated: true }))).toMatchObject({ shadow_banned: false });
    expect((await check(`@shady:${SERVER_NAME}`)).shadowBanned).toBe(false);
  });

  it('is refused for administrators, for the caller and for deactivated accounts', async () => {
    for (const [localpart, status] of [
      ['root', 403],
      ['admin', 403],
      ['gone', 404],
    ] as const) {
      expect((await send('POST', `users/@${localpart}:${SERVER_NAME}/shadow_ban`)).status).toBe(status);
    }
  });

  it('does not make an administrator count as inactive', async () => {
    await db()('matrix_admin.account_restrictions').insert({
      user_id: `@root:${SERVER_NAME}`,
      restriction: 'shadow_banned',
      set_by: 'test',
    });
    const { setUserAdmin } = plugin().admin.operations;
    const system = { actor: { kind: 'system', name: 'test' } } as const;
    const demotion = setUserAdmin({ userId: USERS.admin.user_id, admin: false }, system);
    await expect(demotion).resolves.toEqual({ admin: false });
    await setUserAdmin({ userId: USERS.admin.user_id, admin: true }, system);
    await db()('matrix_admin.account_restrictions').delete();
  });
});
