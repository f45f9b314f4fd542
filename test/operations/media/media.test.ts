import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerName } from '../../../src/ids.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { insertMedia, MEDIA, PICTURE_HASH, REMOTE, writeContents } from '../../support/media-fixture.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const V1 = '/_synapse/admin/v1';
const DENDRITE = '/_dendrite/admin';
const ALICE = USERS.alice.user_id;
const ROOM = server.rooms.v10;
const OTHER_ROOM = server.rooms.v11;
const LOCAL = `mxc://${SERVER_NAME}`;
const PICTURE = `${LOCAL}/${MEDIA.alicePicture}`;
const FAR = `mxc://${REMOTE}/${MEDIA.remotePicture}`;

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
  await insertMedia(db);
});
afterAll(() => plugin.close());

const ask = async (path: string, method = 'GET', body?: string): Promise<Record<string, unknown>> => {
  const answer = await plugin.asAdmin(path, { method, ...(body !== undefined && { body }) });
  expect(answer.status, answer.text).toBe(200);
  return jsonOf(answer);
};
const refused = async (path: string, method = 'GET'): Promise<[number, unknown]> => {
  const answer: Answer = await plugin.asAdmin(path, { method });
  return [answer.status, jsonOf(answer).errcode];
};
const post = (path: string, body = '{}') => ask(path, 'POST', body);
const infoOf = async (path: string) => (await ask(`${V1}/media/${path}`)).media_info as Record<string, unknown>;
const isQuarantined = async (origin: string, mediaId: string) =>
  (await plugin.admin.media.check(origin as ServerName, mediaId)).quarantined;

describe('the media of a user', () => {
  const path = `${V1}/users/${ALICE}/media`;
  const idsOf = ({ media }: Record<string, unknown>) => (media as { media_id: string }[]).map((each) => each.media_id);

  it('are listed with their names decoded, newest first', async () => {
    expect(await ask(path)).toEqual({
      media: [
        expect.objectContaining({ media_id: MEDIA.aliceText, media_type: 'text/plain', upload_name: 'notes.txt' }),
        {
          media_id: MEDIA.alicePicture,
          media_type: 'image/png',
          media_length: 62_560,
          upload_name: 'holiday.png',
          created_ts: 1_795_715_223_728,
          url_cache: null,
          last_access_ts: null,
          quarantined_by: null,
          safe_from_quarantine: false,
          user_id: ALICE,
          authenticated: 1,
          sha256: Buffer.from(PICTURE_HASH, 'base64url').toString('hex'),
        },
      ],
      total: 2,
      total_length: 62_570,
    });
    const [file, picture] = (await ask(`${V1}/users/${USERS.carol.user_id}/media`)).media as Record<string, unknown>[];
    expect([file?.upload_name, picture?.upload_name]).toEqual(['big.bin', 'copy of holiday.png']);
  });

  it('are ordered and paged', async () => {
    const byName = [MEDIA.alicePicture, MEDIA.aliceText];
    expect(idsOf(await ask(`${path}?order_by=upload_name`))).toEqual(byName);
    expect(idsOf(await ask(`${path}?order_by=media_length&dir=b`))).toEqual(byName);
    expect(idsOf(await ask(`${path}?order_by=media_length`))).toEqual(byName.toReversed());
    expect(idsOf(await ask(`${path}?order_by=media_id`))).toEqual(byName.toReversed());
    expect(idsOf(await ask(`${path}?dir=f`))).toEqual(byName);
    const first = await ask(`${path}?limit=1`);
    expect([idsOf(first), first.next_token, first.total]).toEqual([[MEDIA.aliceText], 1, 2]);
    const second = await ask(`${path}?limit=1&from=1`);
    expect(idsOf(second)).toEqual([MEDIA.alicePicture]);
    expect(second).not.toHaveProperty('next_token');
  });

  it('are counted in the details of the user', async () => {
    expect(await ask(`/_synapse/admin/v2/users/${ALICE}`)).toMatchObject({ media_count: 2, media_length: 62_570 });
  });

  it.each([
    [`${path}?order_by=bar`, 400, 'M_INVALID_PARAM'],
    [`${path}?dir=bar`, 400, 'M_INVALID_PARAM'],
    [`${path}?limit=-5`, 400, 'M_INVALID_PARAM'],
    [`${path}?from=-5`, 400, 'M_INVALID_PARAM'],
    [`${V1}/users/@nobody:${SERVER_NAME}/media`, 404, 'M_NOT_FOUND'],
    [`${V1}/users/@x:remote/media`, 400, 'M_INVALID_PARAM'],
  ])('are refused: %s', async (url, status, errcode) => {
    expect(await refused(url)).toEqual([status, errcode]);
  });
});

describe('the media of a room', () => {
  beforeAll(async () => {
    await writeContents(db, ROOM, [
      { url: PICTURE, info: { thumbnail_url: `${LOCAL}/thumb` }, body: `${LOCAL}/in-a-text` },
      { file: { url: `${LOCAL}/file` }, info: { thumbnail_file: { url: `${LOCAL}/filethumb` } } },
      { 'm.new_content': { url: FAR }, avatar_url: `${LOCAL}/avatar` },
      String.raw`{"type":"m.room.message","content":{"url":"\u006dxc:\/\/${SERVER_NAME}\/escaped"}}`,
      { url: 'mxc://../../etc/passwd', file: 5, info: [], avatar_url: `${LOCAL}/../x` },
      'no JSON, but mxc://elsewhere.example/x',
    ]);
    await writeContents(db, OTHER_ROOM, [{ formatted_body: `<img src="${FAR}">` }]);
  });

  it('are those that its events use as file, picture, thumbnail or avatar', async () => {
    const { local, remote, total } = await ask(`${V1}/room/${ROOM}/media`);
    const names = ['avatar', MEDIA.alicePicture, 'escaped', 'file', 'filethumb', 'thumb'];
    expect((local as string[]).toSorted()).toEqual(names.map((name) => `${LOCAL}/${name}`).toSorted());
    expect([remote, total]).toEqual([[FAR], 7]);
    expect(await ask(`${V1}/room/!nope:${SERVER_NAME}/media`)).toEqual({ local: [], remote: [], total: 0 });
  });

  it('are shown with everything that uses them', async () => {
    await db('userapi_profiles').where({ localpart: 'bob' }).update({ avatar_url: FAR });
    const bobs = { localpart: 'bob', server_name: SERVER_NAME, room_id: '', type: 'im.stickers' };
    await db('userapi_account_datas').insert({ ...bobs, content: JSON.stringify({ sticker: FAR }) });
    expect(await ask(`${DENDRITE}/media/${REMOTE}/${MEDIA.remotePicture}`)).toEqual({
      media_info: expect.objectContaining({ media_origin: REMOTE, user_id: null, upload_name: 'remote picture.png' }),
      thumbnails: [
        { width: 32, height: 32, method: 'crop', size: 689 },
        { width: 96, height: 96, method: 'crop', size: 1_150 },
      ],
      same_content: [],
      uses: expect.arrayContaining([
        { kind: 'event', room_id: ROOM, event_id: expect.any(String), type: expect.any(String) },
        { kind: 'event', room_id: OTHER_ROOM, event_id: expect.any(String), type: expect.any(String) },
        { kind: 'profile', user_id: USERS.bob.user_id },
        { kind: 'account_data', user_id: USERS.bob.user_id, type: 'im.stickers' },
      ]),
      has_more: false,
    });
    expect(await ask(`${DENDRITE}/media/${SERVER_NAME}/${MEDIA.carolPicture}`)).toMatchObject({
      same_content: [PICTURE],
      uses: [],
    });
  });
});

describe('one media', () => {
  it('is shown', async () => {
    expect(await infoOf(`${SERVER_NAME}/${MEDIA.alicePicture}`)).toMatchObject({
      media_origin: null,
      media_id: MEDIA.alicePicture,
      filesystem_id: null,
      safe_from_quarantine: 0,
    });
  });

  it.each([
    [`${SERVER_NAME}/nope`, 404],
    ['remote/abc', 404],
    [`${SERVER_NAME}/..%2F..%2Fetc`, 400],
    [`${SERVER_NAME}/%00`, 400],
    [`${SERVER_NAME}/${'x'.repeat(256)}`, 400],
    ['no%20server/x', 400],
  ])('is not shown: %s', async (path, status) => {
    expect((await refused(`${V1}/media/${path}`))[0]).toBe(status);
    expect((await refused(`${DENDRITE}/media/${path}`))[0]).toBe(status);
  });
});

describe('a quarantine', () => {
  const changes = async (from = 0) => ask(`${V1}/media/quarantine_changes?from=${from}`);

  it('of a media covers media with the same content, and ends for all of them', async () => {
    expect(await isQuarantined(SERVER_NAME, MEDIA.carolPicture)).toBe(false);
    expect(await post(`${V1}/media/quarantine/${SERVER_NAME}/${MEDIA.alicePicture}`)).toEqual({});
    for (const mediaId of [MEDIA.alicePicture, MEDIA.carolPicture]) {
      expect(await infoOf(`${SERVER_NAME}/${mediaId}`)).toMatchObject({ quarantined_by: USERS.admin.user_id });
      expect(await isQuarantined(SERVER_NAME, mediaId)).toBe(true);
    }
    expect(await isQuarantined(SERVER_NAME, MEDIA.aliceText)).toBe(false);
    expect(await post(`${V1}/media/unquarantine/${SERVER_NAME}/${MEDIA.carolPicture}`)).toEqual({});
    expect(await isQuarantined(SERVER_NAME, MEDIA.alicePicture)).toBe(false);
    const { next_batch: next, changes: logged } = await changes();
    expect(logged).toEqual([
      { origin: SERVER_NAME, media_id: MEDIA.alicePicture, quarantined: true },
      { origin: SERVER_NAME, media_id: MEDIA.alicePicture, quarantined: false },
    ]);
    expect(await changes(Number(next))).toEqual({ next_batch: next, changes: [] });
  });

  it('counts for a media before it is stored, and for no other server', async () => {
    await post(`${V1}/media/quarantine/elsewhere.example/soon`);
    expect(await isQuarantined('elsewhere.example', 'soon')).toBe(true);
    expect(await isQuarantined(SERVER_NAME, 'soon')).toBe(false);
  });

  it('of a user or of a room leaves out what is protected', async () => {
    expect(await post(`${V1}/media/protect/${MEDIA.aliceText}`)).toEqual({});
    expect(await infoOf(`${SERVER_NAME}/${MEDIA.aliceText}`)).toMatchObject({ safe_from_quarantine: 1 });
    const ofAlice = `${V1}/user/${ALICE}/media/quarantine`;
    expect(await post(ofAlice, '{"dry_run":true}')).toEqual({ num_quarantined: 1, dry_run: true });
    expect(await isQuarantined(SERVER_NAME, MEDIA.alicePicture)).toBe(false);
    expect(await post(ofAlice)).toEqual({ num_quarantined: 1 });
    expect(await isQuarantined(SERVER_NAME, MEDIA.alicePicture)).toBe(true);
    expect(await post(`${V1}/media/quarantine/${SERVER_NAME}/${MEDIA.aliceText}`)).toEqual({});
    expect(await isQuarantined(SERVER_NAME, MEDIA.aliceText)).toBe(false);
    await post(`${V1}/media/unprotect/${MEDIA.aliceText}`);
    expect(await post(ofAlice)).toEqual({ num_quarantined: 2 });
    expect(await post(`${V1}/room/${ROOM}/media/quarantine`)).toEqual({ num_quarantined: 7 });
    expect(await post(`${V1}/quarantine_media/${ROOM}`)).toEqual({ num_quarantined: 7 });
    expect(await isQuarantined(REMOTE, MEDIA.remotePicture)).toBe(true);
    expect(await post(`${V1}/user/@erin:${SERVER_NAME}/media/quarantine`)).toEqual({ num_quarantined: 0 });
  });

  it('ends when the media is protected', async () => {
    await post(`${V1}/media/protect/${MEDIA.aliceText}`);
    expect(await infoOf(`${SERVER_NAME}/${MEDIA.aliceText}`)).toMatchObject({ quarantined_by: null });
    expect(await isQuarantined(SERVER_NAME, MEDIA.aliceText)).toBe(false);
    expect(await refused(`${V1}/media/protect/nope`, 'POST')).toEqual([404, 'M_NOT_FOUND']);
  });
});

it.each([`${V1}/users/${ALICE}/media`, `${DENDRITE}/media/${SERVER_NAME}/x`])(
  '%s is for administrators',
  async (path) => {
    const answer = await plugin.request(path, { headers: bearer(USERS.alice.access_token) });
    expect([answer.status, jsonOf(answer).errcode]).toEqual([403, 'M_FORBIDDEN']);
  },
);
