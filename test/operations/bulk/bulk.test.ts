import fc from 'fast-check';
import type { Knex } from 'knex';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BULK_NAMES } from '../../../src/operations/bulk/bulk-targets.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { addAccount, addDevice, SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

const BULK = '/_dendrite/admin/bulk';
const SPAMMERS = Array.from({ length: 12 }, (_, n) => `@spam${n}:${SERVER_NAME}`);

let database: TestDatabase;
let db: Knex;
let plugin: MountedPlugin;
const mount = (): Promise<MountedPlugin> =>
  mountPlugin({ database, options: { serverNotices: {}, jobs: { pollIntervalMs: 50 } } });
beforeEach(async () => {
  database = await createTestDatabase({ fixture: true });
  ({ db } = database);
  plugin = await mount();
  for (const userId of SPAMMERS) {
    await addAccount(db, { localpart: userId.slice(1).split(':')[0] ?? '', accountType: 1 });
  }
});
afterEach(async () => {
  await plugin.close();
  await database.drop();
});

const post = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  plugin.asAdmin(BULK, { method: 'POST', body: JSON.stringify(body), headers });
const plan = async (body: Record<string, unknown>): Promise<Record<string, unknown>> => {
  const answer = await post({ ...body, dry_run: true });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return jsonOf(answer);
};
const deactivated = async (): Promise<string[]> =>
  (await db('public.userapi_accounts').where('is_deactivated', true).whereLike('localpart', 'spam%')).map(
    ({ localpart }) => `@${localpart}:${SERVER_NAME}`,
  );

describe('a bulk operation', () => {
  it('as a dry run lists all items, and changes nothing', async () => {
    const shown = await plan({ operation: 'deactivateUser', user_filter: { name: 'spam' } });
    expect(shown).toEqual({
      token: expect.any(String),
      operation: 'deactivateUser',
      total: SPAMMERS.length,
      items: expect.any(Array),
      expires_ts: expect.any(Number),
      dry_run: true,
    });
    expect((shown.items as string[]).toSorted()).toEqual(SPAMMERS.toSorted());
    expect(await deactivated()).toEqual([]);
  });

  it('lists the right rooms, even if their summaries are wrong', async () => {
    await plugin.admin.operations.rebuildSummaries({}, { actor: { kind: 'system', name: 'test' } });
    const { room_id: roomId } = await db('matrix_admin.room_summaries').whereNotNull('search_name').first();
    await db('matrix_admin.room_summaries').where({ room_id: roomId }).update({ search_name: 'quokka' });
    const rooms = (term: string): Promise<Record<string, unknown>> =>
      plan({ operation: 'purgeRoom', room_filter: { search_term: term } });
    expect((await rooms('quokka')).items).toEqual([]);
    expect((await rooms(roomId)).items).toEqual([roomId]);
  });

  it('then processes exactly these items, even if the filter would now match others', async () => {
    const { token } = await plan({ operation: 'deactivateUser', user_filter: { name: 'spam' } });
    await addAccount(db, { localpart: 'spam-of-later', accountType: 1 });
    const answer = await post({ token });
    expect([answer.status, jsonOf(answer)]).toEqual([
      200,
      { operation: 'deactivateUser', total: SPAMMERS.length, ok: SPAMMERS.length, failed: 0 },
    ]);
    expect((await deactivated()).toSorted()).toEqual(SPAMMERS.toSorted());
  });

  it('continues after a failed item, and reports the item and the reason', async () => {
    const items = [SPAMMERS[0], USERS.admin.user_id, '@nobody:localhost:18448', SPAMMERS[1]];
    const { token } = await plan({ operation: 'setUserSuspended', user_ids: items });
    const result = jsonOf(await post({ token }));
    expect(result).toMatchObject({ total: 4, ok: 2, failed: 2, failures: [{ id: items[1] }, { id: items[2] }] });
    const shown = jsonOf(await plugin.asAdmin(`${BULK}/${String(token)}?limit=3`));
    expect(shown).toMatchObject({ ok: 2, failed: 2, job_id: expect.any(String), next_token: '3' });
    expect(shown.items).toMatchObject([
      { id: items[0], outcome: 'ok', error: null },
      { id: items[1], outcome: 'failed', errcode: 'M_FORBIDDEN' },
      { id: items[2], outcome: 'failed', errcode: 'M_NOT_FOUND' },
    ]);
  });

  it('runs once, and for the administrator who has seen the list', async () => {
    const { token } = await plan({ operation: 'setUserSuspended', user_ids: SPAMMERS.slice(0, 1) });
    await addAccount(db, { localpart: 'root', accountType: 3 });
    await addDevice(db, { accessToken: 'token-of-root', localpart: 'root' });
    const asRoot = { method: 'POST', body: JSON.stringify({ token }), headers: bearer('token-of-root') };
    expect((await plugin.request(BULK, asRoot)).status).toBe(404);
    expect((await post({ token })).status).toBe(200);
    expect((await post({ token })).status).toBe(409);
  });

  it('does not run after an hour', async () => {
    const { token } = await plan({ operation: 'setUserSuspended', user_ids: SPAMMERS.slice(0, 1) });
    await db('matrix_admin.bulk_selections').update({ expires_at: new Date(Date.now() - 1) });
    expect((await post({ token })).status).toBe(404);
  });

  it.each<[string, Record<string, unknown>]>([
    ['no list and no filter', { operation: 'deactivateUser' }],
    ['a list and a filter', { operation: 'deactivateUser', user_ids: SPAMMERS, user_filter: {} }],
    ['rooms for an operation on users', { operation: 'deactivateUser', room_ids: ['!a:b'] }],
    ['an operation that is not for many', { operation: 'register', user_ids: SPAMMERS }],
    ['an option that the operation does not have', { operation: 'purgeRoom', room_ids: ['!a:b'], options: { x: 1 } }],
    ['an option with a wrong value', { operation: 'purgeRoom', room_ids: ['!a:b'], options: { block: 'yes' } }],
    ['a filter that there is not', { operation: 'deactivateUser', user_filter: { age: 3 } }],
    ['an item that is no id', { operation: 'deactivateUser', user_ids: ['alice'] }],
  ])('is refused with %s', async (_case, body) => {
    const answer = await post({ ...body, dry_run: true });
    expect([answer.status, jsonOf(answer).errcode]).toEqual([
      400,
      expect.stringMatching(/^M_(INVALID|MISSING)_PARAM$/),
    ]);
  });

  it('is refused without an earlier dry run', async () => {
    const answer = await post({ operation: 'deactivateUser', user_ids: SPAMMERS });
    expect([answer.status, jsonOf(answer).error]).toEqual([400, expect.stringContaining('dry_run')]);
    expect(await deactivated()).toEqual([]);
  });

  it('purges rooms, and leaves nothing behind', async () => {
    const { rooms } = await plugin.admin.operations.listRooms({}, { actor: { kind: 'system', name: 'test' } });
    const { token, total } = await plan({ operation: 'purgeRoom', room_filter: {}, options: { block: true } });
    expect(total).toBe(rooms.length);
    expect(jsonOf(await post({ token }))).toMatchObject({ ok: rooms.length, failed: 0 });
    expect(await brokenInvariants(db)).toEqual([]);
  });

  it('sends a notice to each user, and forgets its text', async () => {
    const content = { msgtype: 'm.text', body: 'the server moves' };
    const { token } = await plan({
      operation: 'sendServerNotice',
      user_ids: [USERS.alice.user_id, USERS.bob.user_id],
      options: { content },
    });
    expect(jsonOf(await post({ token }))).toMatchObject({ ok: 2, failed: 0 });
    expect(JSON.stringify(await db('matrix_admin.bulk_selections'))).not.toContain('the server moves');
  });

  it('that another process resumes does nothing twice', async () => {
    const { token } = await plan({ operation: 'setUserSuspended', user_ids: SPAMMERS });
    const started = await post({ token }, { Prefer: 'respond-async' });
    expect(started.status).toBe(202);
    const { job_id: id } = jsonOf(started) as { job_id: string };
    for (let round = 0; round < 4; round += 1) {
      await expect
        .poll(async () => (await db('matrix_admin.audit').where({ operation: 'setUserSuspended' })).length)
        .toBeGreaterThan(round * 2);
      await plugin.close();
      plugin = await mount();
    }
    expect(await plugin.admin.jobs.wait(id)).toMatchObject({ state: 'succeeded', result: { ok: 12, failed: 0 } });
    const entries = await db('matrix_admin.audit').where({ operation: 'setUserSuspended', outcome: 'ok' });
    expect(entries.map(({ target }) => String(target)).toSorted()).toEqual(SPAMMERS.toSorted());
  });

  it('answers any input without a 5xx', async () => {
    const word = fc.constantFrom(...BULK_NAMES, 'x', '', 3, null);
    const list = fc.oneof(fc.array(fc.constantFrom('@a:b', '!a:b', '', 1, null)), fc.anything());
    const body = fc.record(
      {
        operation: word,
        user_ids: list,
        room_ids: list,
        user_filter: fc.object(),
        room_filter: fc.object(),
        options: fc.object(),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(body, async (asked) => {
        const answer = await post({ ...asked, dry_run: true });
        expect(answer.status).toBeLessThan(500);
      }),
    );
  });
});
