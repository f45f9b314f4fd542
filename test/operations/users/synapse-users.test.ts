import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { replaceUsers } from '../../support/recorded-users.ts';
import { type SynapseCase, synapseRecording } from '../../support/synapse-recording.ts';

const CASES = synapseRecording('user-extras');
const ALICE = { localpart: 'alice', server_name: SERVER_NAME };

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({ options: { accounts: { allowLoginAs: true } } });
  ({ db } = plugin.database);
  await replaceUsers(db);
  await db('public.userapi_devices').where(ALICE).update({ device_id: 'TOLOPZEHMJ', session_id: 77 });
  await db('public.userapi_pushers').delete();
  await db('public.userapi_pushers').insert({
    ...ALICE,
    session_id: 77,
    profile_tag: '',
    kind: 'http',
    app_id: 'org.example.app',
    app_display_name: 'App',
    device_display_name: 'Phone',
    pushkey: 'pk1',
    lang: 'en',
    data: '{"url":"https://push.invalid/_matrix/push/v1/notify","format":"event_id_only"}',
  });
  await db('public.userapi_account_datas').where(ALICE).delete();
  await db('public.userapi_account_datas').insert({
    ...ALICE,
    room_id: '',
    type: 'org.example.setting',
    content: '{"a":1}',
  });
  await db('public.userapi_threepids').insert({ ...ALICE, threepid: 'alice@example.org', medium: 'email' });
  // In the recording, alice has joined two rooms and has invited nobody.
  await db('public.syncapi_output_room_events').where({ type: 'm.room.member' }).delete();
  for (const room of ['one', 'two']) {
    const event = { state_key: `@alice:${SERVER_NAME}`, origin_server_ts: 1, content: { membership: 'join' } };
    await db('public.syncapi_output_room_events').insert({
      event_id: `$${room}`,
      room_id: `!${room}:${SERVER_NAME}`,
      type: 'm.room.member',
      sender: event.state_key,
      contains_url: false,
      headered_event_json: JSON.stringify(event),
    });
  }
});
afterAll(() => plugin.close());

const send = ({ case: name, method, path, body, token }: SynapseCase): Promise<Answer> => {
  // The time in the recording has passed.
  const sent = name === 'login as user, with expiry' ? { valid_until_ms: Date.now() + 60_000 } : body;
  return plugin.request(path, {
    method,
    headers: token ? bearer('token-of-admin') : {},
    ...(sent !== undefined && { body: JSON.stringify(sent) }),
  });
};

/** Cases in which the plugin differs from Synapse on purpose. `docs/differences-from-synapse.md` has the reasons. */
const OTHERWISE: Readonly<Record<string, readonly [number, unknown]>> = {
  'experimental features of unknown': [404, { errcode: 'M_NOT_FOUND' }],
  'create no body': [400, { errcode: 'M_MISSING_PARAM' }],
  'by provider': [404, { errcode: 'M_NOT_FOUND' }],
  'account_validity, not enabled': [400, { errcode: 'M_BAD_STATE' }],
};

/**
 * Returns the expected status and answer. For an error, only the status and the code must be equal. If Synapse's code is not in
 * the specification, the specification's code is expected.
 */
function expected({ case: name, status, response }: SynapseCase): readonly [number, unknown] {
  if (OTHERWISE[name] !== undefined) return OTHERWISE[name];
  // The users are the same, but they were created and seen at other times. The plugin also counts their media.
  const others = { creation_ts: expect.any(Number), last_seen_ts: expect.any(Number), media_count: 0, media_length: 0 };
  if (name === 'user after') return [status, { ...Object(response), ...others }];
  if (JSON.stringify(response).includes('<NEW_TOKEN>')) return [status, { access_token: expect.any(String) }];
  if (status < 400) return [status, response];
  const { errcode } = response as { errcode: string };
  return [
    status,
    { errcode: errcode === 'M_UNKNOWN' ? expect.stringMatching(/^M_(INVALID|MISSING)_PARAM$/) : errcode },
  ];
}

it.each(CASES)('$case: $status', async (recorded) => {
  const answer = await send(recorded);
  const [status, body] = expected(recorded);
  expect(answer.status, answer.text).toBe(status);
  const got = jsonOf(answer);
  if (status >= 400) expect(got).toMatchObject(body as object);
  else expect(got).toEqual(body);
});
