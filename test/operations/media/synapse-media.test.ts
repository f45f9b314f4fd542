import { afterAll, beforeAll, expect, it } from 'vitest';
import { isRecord } from '../../../src/json.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { writeContents } from '../../support/media-fixture.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { bodyOfCase, pathOfCase, synapseRecording } from '../../support/synapse-recording.ts';

const ROOM = server.rooms.v10;
/** Our answers that differ on purpose: `docs/differences-from-synapse.md` says why. */
const DIFFERENCES: Readonly<Record<string, readonly [status: number, errcode: string]>> = {
  'remote user': [400, 'M_INVALID_PARAM'],
  'protect unknown': [404, 'M_NOT_FOUND'],
  'delete media of another server': [404, 'M_NOT_FOUND'],
};
const PNG = '6b7fa434f92a8b80aab02d9bf1a12e49ffcae424e4013a1c4f68b67e3d2bbcd0';
/** Later than the deletions by age. */
const LATE = 1_795_715_396_830;
/** The media of the recorded Synapse. */
const UPLOADED = [
  { id: 'HPiPpBomQVRBhPAYqFDbTeQx', user: 'alice', name: 'one.png', at: 1_795_715_395_590, sha256: PNG },
  {
    id: 'TPlxTAMiodvaFmHwHxjbuUJR',
    user: 'alice',
    name: 'two.bin',
    at: 1_795_715_395_601,
    sha256: 'e53130831c13dabff71d5d1797e3aaa467b4b7d32b3b8782c4ff03d76976f2aa',
    type: 'application/octet-stream',
    size: 5_000,
  },
  {
    id: 'ZrhELqdBWvLiqrgneffkSEjY',
    user: 'carol',
    name: 'avatar.png',
    at: 1_795_715_395_610,
    sha256: `a${PNG.slice(1)}`,
  },
  {
    id: 'WeJfKLKysRdfNWPPlJkvtBJX',
    user: 'carol',
    name: 'sticker.png',
    at: 1_795_715_395_620,
    sha256: `b${PNG.slice(1)}`,
  },
  {
    id: 'CQBcTpITyrczmRwBiUKcqYZn',
    user: 'carol',
    name: 'other.png',
    at: 1_795_715_395_630,
    sha256: `c${PNG.slice(1)}`,
  },
  { id: 'MptHJNBGYRjWEgPPoolytvuz', user: 'dave', name: 'late.png', at: LATE, sha256: `d${PNG.slice(1)}` },
];
const uriOf = (id: string): string => `mxc://${SERVER_NAME}/${id}`;

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin({ host: { media: { remove: async () => {}, sizeOf: async () => undefined } } });
  const { db } = plugin.database;
  await db('mediaapi_media_repository').insert(
    UPLOADED.map(({ id, user, name, at, sha256, type = 'image/png', size = 70 }) => ({
      media_id: id,
      media_origin: SERVER_NAME,
      content_type: type,
      file_size_bytes: size,
      creation_ts: at,
      upload_name: name,
      base64hash: Buffer.from(sha256, 'hex').toString('base64url'),
      user_id: `@${user}:${SERVER_NAME}`,
    })),
  );
  const [picture, , thumbnail, avatar] = UPLOADED.map(({ id }) => uriOf(id));
  await writeContents(db, ROOM, [{ url: picture, info: { thumbnail_url: thumbnail } }, { url: avatar }]);
  await db('userapi_profiles').where({ localpart: 'carol' }).update({ avatar_url: avatar });
});
afterAll(() => plugin.close());

/** Sorts lists of ids, whose order says nothing. */
const sorted = (value: unknown): unknown =>
  isRecord(value)
    ? Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          Array.isArray(item) && item.every((id) => typeof id === 'string') ? item.toSorted() : sorted(item),
        ]),
      )
    : value;

it.each(synapseRecording('media').map((recorded) => [recorded.case, recorded] as const))(
  'what a Synapse was asked is answered as it did: %s',
  async (name, recorded) => {
    const path = pathOfCase(recorded, { room: ROOM });
    const options = { method: recorded.method, ...bodyOfCase(recorded, {}) };
    const answer = recorded.token ? await plugin.asAdmin(path, options) : await plugin.request(path, options);
    const body = jsonOf(answer);
    const { status, response } = recorded;
    const { errcode } = response as { errcode?: string };
    expect([answer.status, body.errcode], answer.text).toEqual(DIFFERENCES[name] ?? [status, errcode]);
    if (status === 200) expect(sorted(body)).toMatchObject(sorted(response) as object);
  },
);
