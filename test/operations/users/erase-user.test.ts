import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { ALICE, append, BOB, CAROL, createRoom, messageOf } from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({ options: { jobs: { pollIntervalMs: 50 } } });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const erase = async (body: object): Promise<Record<string, unknown>> =>
  jsonOf(
    await plugin.asAdmin(`/_synapse/admin/v1/deactivate/${encodeURIComponent(BOB)}`, {
      method: 'POST',
      headers: { Prefer: 'respond-async' },
      body: JSON.stringify({ erase: true, ...body }),
    }),
  );

it('a dry run of an erasure counts all kinds of data, and the erasure removes the chosen kinds', async () => {
  const roomId = await createRoom(plugin, { members: [BOB], drafts: [messageOf(BOB, 'secret plans')] });
  await append(plugin, roomId, messageOf(ALICE, 'an answer'));
  const bob = { localpart: 'bob', server_name: SERVER_NAME };
  await db('public.userapi_account_datas').where(bob).delete();
  await db('public.userapi_account_datas').insert({ ...bob, room_id: '', type: 'org.example', content: '{}' });
  const key = { user_id: BOB, session_id: 's', version: '1', first_message_index: 0, forwarded_count: 0 };
  await db('public.userapi_key_backups').insert({ ...key, room_id: roomId, is_verified: true, session_data: '{}' });
  const { reportUser } = plugin.admin.operations;
  await reportUser({ reporter: ALICE, userId: BOB, reason: 'rude' }, { actor: { kind: 'user', userId: ALICE } });
  await reportUser({ reporter: BOB, userId: CAROL, reason: 'rude' }, { actor: { kind: 'user', userId: BOB } });

  const mine = await db('public.syncapi_output_room_events').where({ sender: BOB, type: 'm.room.message' });
  const changes = await changesOf(db, async () => {
    const { removed } = await erase({ dry_run: true });
    expect(removed).toMatchObject({ account_data: 1, key_backups: 1, reports: 4, messages: expect.any(Number) });
    expect((removed as { messages: number }).messages).toBeGreaterThanOrEqual(1);
    expect((removed as { profile: number }).profile).toBeGreaterThanOrEqual(1);
    expect(await erase({ erase: false, remove: ['messages'] })).toMatchObject({ errcode: 'M_INVALID_PARAM' });
    expect(await erase({ remove: ['everything'] })).toMatchObject({ errcode: 'M_INVALID_PARAM' });
  });
  expect(changes).toEqual({});

  const { job_id: jobId } = await erase({ remove: ['messages', 'profile', 'account_data', 'reports'] });
  const { result, error } = await plugin.admin.jobs.wait(String(jobId));
  expect(error).toBeNull();
  expect(result).toMatchObject({ removed: { account_data: 1, reports: 4 } });
  expect(result?.removed).not.toHaveProperty('key_backups');
  expect(await db('public.userapi_account_datas').where(bob)).toEqual([]);
  expect(await db('public.userapi_key_backups').where({ user_id: BOB })).toHaveLength(1);
  expect(await db('matrix_admin.reports')).toEqual([]);
  const events = await db('public.syncapi_output_room_events').where({ room_id: roomId }).orderBy('id');
  const texts = events.map(({ headered_event_json: json }) => JSON.parse(json).content.body).filter(Boolean);
  expect(texts).toEqual(['an answer']);
  const left = await db('public.syncapi_current_room_state').where({ room_id: roomId, state_key: BOB }).first();
  expect(JSON.parse(left.headered_event_json).content).toEqual({ membership: 'leave' });
  expect(mine.length).toBeGreaterThan(0);
  expect(await brokenInvariants(db)).toEqual([]);
});
