import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EventId } from '../../../src/ids.ts';
import { isRecord } from '../../../src/json.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { ALICE, append, BOB, createRoom, messageOf } from '../../support/made-rooms.ts';
import { insertMedia } from '../../support/media-fixture.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const AS_ALICE = { actor: { kind: 'user', userId: ALICE } } as const;
const AS_BOB = { actor: { kind: 'user', userId: BOB } } as const;
const EXPORT = '/_dendrite/admin/exportUser';
const FILE = (jobId: string): string => `/_dendrite/admin/userExports/${jobId}/file`;
const ACCOUNT = { localpart: 'alice', server_name: SERVER_NAME };

type Exported = Record<string, unknown> & { readonly type: string };

let plugin: MountedPlugin;
let db: MountedPlugin['database']['db'];
let jobId: string;
let contentType: string | undefined;
let text: string;
let records: Exported[];
/** A message of Alice that a purge of history has taken out of the timeline. */
let purged: EventId | undefined;

beforeAll(async () => {
  plugin = await mountPlugin({ options: { jobs: { pollIntervalMs: 20 } } });
  ({ db } = plugin.database);
  await insertMedia(db);
  const { operations } = plugin.admin;
  await db('userapi_account_datas').insert([
    { ...ACCOUNT, room_id: '', type: 'm.cross_signing.master', content: '{"encrypted":"private-master"}' },
    { ...ACCOUNT, room_id: '', type: 'org.example', content: '{"mine":"\\u0000"}' },
  ]);
  const backup = { user_id: ALICE, room_id: '!a:b', version: '1', first_message_index: 0, forwarded_count: 0 };
  await db('userapi_key_backups').insert(
    ['s1', 's2'].map((id) => ({ ...backup, session_id: id, is_verified: true, session_data: 'private-session' })),
  );
  await db('userapi_pushers').insert({
    ...ACCOUNT,
    kind: 'http',
    app_id: 'org.example.app',
    app_display_name: 'App',
    device_display_name: 'Phone',
    pushkey: 'private-pushkey',
    lang: 'en',
    data: '{"url":"https://push.example/private-url"}',
  });
  await db('syncapi_presence').insert({ user_id: ALICE, presence: 1, status_msg: 'here', last_active_ts: 1 });
  await db('userapi_daily_visits').insert({ localpart: 'alice', device_id: 'D', timestamp: 1, user_agent: 'client' });
  await db('syncapi_receipts').insert({
    room_id: server.rooms.v10,
    receipt_type: 'm.read',
    user_id: ALICE,
    event_id: '$read',
    receipt_ts: 12,
  });
  await operations.reportUser({ reporter: ALICE, userId: BOB, reason: 'alice says' }, AS_ALICE);
  await operations.reportUser({ reporter: BOB, userId: ALICE, reason: 'bob says' }, AS_BOB);
  const many = Array.from({ length: 600 }, (_, i) => messageOf(ALICE, `many ${i}`));
  await createRoom(plugin, { members: [BOB], drafts: [...many, messageOf(BOB, 'private-of-bob')] });
  const roomId = await createRoom(plugin, { drafts: [messageOf(ALICE, 'purged')] });
  const { events } = await append(plugin, roomId, messageOf(ALICE, 'the point'));
  purged = (await db('syncapi_output_room_events').where('headered_event_json', 'like', '%"purged"%').first())
    ?.event_id;
  await operations.purgeHistory({ roomId, eventId: events[0]?.eventId }, SYSTEM);
  jobId = String(
    jsonOf(
      await plugin.asAdmin(`${EXPORT}/${encodeURIComponent(ALICE)}`, {
        method: 'POST',
        headers: { Prefer: 'respond-async' },
        body: '{}',
      }),
    ).job_id,
  );
  await plugin.admin.jobs.wait(jobId);
  const answer = await plugin.asAdmin(FILE(jobId));
  contentType = answer.headers['content-type'];
  text = answer.text;
  records = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
});
afterAll(() => plugin.close());

const ofType = (type: string): Exported[] => records.filter((record) => record.type === type);

it('a line for each record, and a last line with their number, which the result of the job also has', async () => {
  expect(contentType).toBe('application/x-ndjson');
  expect(records.at(-1)).toEqual({ type: 'end', records: records.length - 1 });
  const { result } = (await plugin.admin.jobs.wait(jobId)) ?? {};
  const types: Record<string, number> = {};
  for (const { type } of records.slice(0, -1)) types[type] = (types[type] ?? 0) + 1;
  expect(result).toEqual({ records: records.length - 1, types });
  for (const type of 'account profile device visit presence pusher account_data key_backup membership receipt media report'.split(
    ' ',
  ))
    expect(types, type).toHaveProperty(type);
});

it('everything that the user has sent, once, with its content, also what a purge of history has left', async () => {
  const sent: string[] = await db('syncapi_output_room_events').where({ sender: ALICE }).pluck('event_id');
  expect(ofType('event').map(({ event_id: id }) => id)).toHaveLength(sent.length);
  expect(new Set(ofType('event').map(({ event_id: id }) => id))).toEqual(new Set(sent));
  const bodies = ofType('event').map(({ content }) => (isRecord(content) ? content['body'] : undefined));
  expect(bodies).toEqual(expect.arrayContaining(['many 0', 'many 599']));
  expect(ofType('event_outside_timeline')).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ event_id: purged, content: { msgtype: 'm.text', body: 'purged' } }),
    ]),
  );
});

it('no secret, and nothing that others have written', async () => {
  const secrets: string[] = [
    ...(await db('userapi_devices').pluck('access_token')),
    ...(await db('userapi_accounts').whereNotNull('password_hash').pluck('password_hash')),
    ...(await db('keyserver_device_keys').pluck('key_json')),
  ];
  for (const secret of [...secrets.filter((value) => value !== ''), 'private-', 'bob says'])
    expect(text.includes(secret), secret).toBe(false);
  expect(ofType('account_data').find(({ data_type: type }) => type === 'm.cross_signing.master')).toEqual({
    type: 'account_data',
    data_type: 'm.cross_signing.master',
    is_secret: true,
  });
  expect(ofType('account_data')).toContainEqual({
    type: 'account_data',
    data_type: 'org.example',
    content: { mine: '\0' },
  });
  expect(ofType('key_backup')).toEqual([{ type: 'key_backup', version: '1', keys: 2 }]);
  expect(ofType('reported')).toHaveLength(1);
});

it('an erasure finds as much as the export', async () => {
  const { removed } = await plugin.admin.operations.deactivateUser(
    { userId: ALICE, erase: true, dryRun: true },
    SYSTEM,
  );
  const reports = ['event_report', 'report', 'reported_event', 'reported'].flatMap(ofType);
  expect(removed).toMatchObject({
    account_data: ofType('account_data').length,
    key_backups: 2,
    reports: reports.length,
  });
});

it('pages of JSON have the same records, and end with the last part', async () => {
  const found: unknown[] = [];
  for (let from: string | undefined = '0'; from !== undefined; ) {
    const answer: Record<string, unknown> = jsonOf(
      await plugin.asAdmin(`/_dendrite/admin/userExports/${jobId}?from=${from}`),
    );
    found.push(...(answer.records as unknown[]));
    from = typeof answer.next_token === 'string' ? answer.next_token : undefined;
  }
  expect(found).toEqual(records);
});

it('only administrators read an export, and only complete exports can be read', async () => {
  const asBob = { headers: { Authorization: `Bearer ${USERS.bob.access_token}` } };
  for (const path of [FILE(jobId), `/_dendrite/admin/userExports/${jobId}`])
    expect((await plugin.request(path, asBob)).status).toBe(403);
  const { id: other } = await db('matrix_admin.jobs').where({ kind: 'purgeHistory' }).first('id');
  for (const id of [other, 'x', '00000000-0000-4000-8000-000000000000'])
    expect((await plugin.asAdmin(FILE(id))).status).toBe(404);
  expect((await plugin.asAdmin(`/_dendrite/admin/userExports/${jobId}?from=1000`)).status).toBe(404);
  await db('matrix_admin.jobs').where({ id: jobId }).update({ state: 'running', finished_at: null });
  const early = await plugin.asAdmin(FILE(jobId));
  expect([early.status, jsonOf(early).errcode]).toEqual([400, 'M_BAD_STATE']);
  await db('matrix_admin.jobs').where({ id: jobId }).update({ state: 'succeeded', finished_at: new Date() });
  const nobody = await plugin.asAdmin(`${EXPORT}/${encodeURIComponent(`@nobody:${SERVER_NAME}`)}`, { method: 'POST' });
  expect(nobody.status).toBe(404);
});

it('the export goes with its job', async () => {
  await db('matrix_admin.jobs').where({ id: jobId }).delete();
  expect(await db('matrix_admin.user_export_parts')).toEqual([]);
});
