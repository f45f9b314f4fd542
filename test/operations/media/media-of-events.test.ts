import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { deny } from '../../../src/pipeline/hooks.ts';
import { createMediaDirectory } from '../../../src/reference-host/media/media-directory.ts';
import type { RoomEventDraft } from '../../../src/rooms/event-chain.ts';
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { ALICE, append, BOB, createRoom, messageOf } from '../../support/made-rooms.ts';
import { filesIn, filesOfRows, pathInStore } from '../../support/media-fixture.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { makeScratchDirectory } from '../../support/scratch-directory.ts';

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const OTHER = 'other.example';
const hashOf = (mediaId: string): string => mediaId.padEnd(43, '0');

let base: string;
let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  base = await makeScratchDirectory('media-of-events-');
  plugin = await mountPlugin({
    host: { media: createMediaDirectory(base) },
    options: { jobs: { pollIntervalMs: 20 } },
  });
  ({ db } = plugin.database);
});
afterAll(async () => {
  await plugin.close();
  await rm(base, { recursive: true });
});
beforeEach(async () => {
  await db.raw('TRUNCATE mediaapi_media_repository, mediaapi_thumbnail, matrix_admin.media_standings');
  await rm(base, { recursive: true, force: true });
  await mkdir(base);
});

/** Stores a media of a local user, or of another server. */
async function store(mediaId: string, userId = '', origin: string = SERVER_NAME): Promise<void> {
  const hash = hashOf(mediaId);
  await mkdir(dirname(join(base, pathInStore(hash))), { recursive: true });
  await writeFile(join(base, pathInStore(hash)), 'x');
  const row = { content_type: 'text/plain', file_size_bytes: 1, creation_ts: 1, upload_name: '', base64hash: hash };
  await db('mediaapi_media_repository').insert({ ...row, media_id: mediaId, media_origin: origin, user_id: userId });
}
const fileOf = (sender: typeof ALICE, mediaId: string, origin: string = SERVER_NAME): RoomEventDraft => ({
  ...messageOf(sender),
  content: { msgtype: 'm.file', body: 'a file', url: `mxc://${origin}/${mediaId}` },
});
const stored = (): Promise<string[]> => db('mediaapi_media_repository').orderBy('media_id').pluck('media_id');
const quarantined = (): Promise<string[]> =>
  db('matrix_admin.media_standings').whereNotNull('quarantined_by').orderBy('media_id').pluck('media_id');
const agree = async (): Promise<void> => expect(await filesIn(base)).toEqual(await filesOfRows(db));

/** A room in which Bob has sent two files of his own, a file of Alice and a protected file. */
async function makeSpam(): Promise<string> {
  for (const id of ['bob1', 'bob2', 'safe']) await store(id, BOB);
  await store('unsent', BOB);
  await store('alices', ALICE);
  await plugin.admin.operations.setMediaProtected({ mediaId: 'safe', protected: true }, SYSTEM);
  const drafts = ['bob1', 'bob2', 'bob1', 'alices', 'safe'].map((mediaId) => fileOf(BOB, mediaId));
  return createRoom(plugin, { members: [BOB], drafts });
}
const redact = async (roomId: string, media: string, dryRun = false): Promise<Record<string, unknown>> => {
  const body = { rooms: [roomId], media, ...(dryRun && { dry_run: true }) };
  const path = `/_synapse/admin/v1/user/${encodeURIComponent(BOB)}/redact`;
  const { redact_id: id, ...answer } = jsonOf(
    await plugin.asAdmin(path, { method: 'POST', body: JSON.stringify(body) }),
  );
  if (typeof id !== 'string') return answer;
  const { result } = await plugin.admin.jobs.wait(id);
  return { ...result };
};

it('a redaction deletes what the user has uploaded and sent, and nothing of others', async () => {
  const roomId = await makeSpam();
  expect(await redact(roomId, 'delete', true)).toMatchObject({ redacted: 6, media: 2 });
  expect(await stored()).toHaveLength(5);
  expect(await redact(roomId, 'delete')).toEqual({ redacted: 6, media: 2 });
  expect(await stored()).toEqual(['alices', 'safe', 'unsent']);
  await agree();
});

it('a redaction quarantines media, also those of another server that are not stored', async () => {
  const roomId = await makeSpam();
  expect(await redact(roomId, 'quarantine')).toEqual({ redacted: 6, media: 2 });
  expect(await quarantined()).toEqual(['bob1', 'bob2']);
  const zoe = `@zoe:${OTHER}` as typeof ALICE;
  const remote = await createRoom(plugin, {
    members: [BOB],
    drafts: [fileOf(BOB, 'zoes', OTHER), fileOf(BOB, 'elses', 'elsewhere.example')],
  });
  await db('syncapi_output_room_events').where({ room_id: remote, type: 'm.room.message' }).update({ sender: zoe });
  const answer = await plugin.admin.operations.redactUserEvents(
    { userId: zoe, rooms: [], media: 'quarantine' },
    SYSTEM,
  );
  expect(answer).toEqual({ redacted: 2, media: 1 });
  expect(await quarantined()).toEqual(['bob1', 'bob2', 'zoes']);
});

it('a purge of history deletes the media that nothing else uses any more', async () => {
  for (const id of ['old', 'kept', 'elsewhere']) await store(id, ALICE);
  await store('remote', '', OTHER);
  await createRoom(plugin, { drafts: [fileOf(ALICE, 'elsewhere')] });
  const drafts = [
    ...['old', 'kept', 'elsewhere'].map((mediaId) => fileOf(ALICE, mediaId)),
    fileOf(ALICE, 'remote', OTHER),
  ];
  const roomId = await createRoom(plugin, { drafts });
  const { events } = await append(plugin, roomId, messageOf(ALICE, 'the point'), fileOf(ALICE, 'kept'));
  const purge = (more: object): Promise<Record<string, unknown>> =>
    plugin.admin.operations
      .purgeHistory({ roomId, eventId: events[0]?.eventId, media: 'unused', ...more }, SYSTEM)
      .then((result) => ({ ...result }));
  expect(await purge({ deleteLocalEvents: true, dryRun: true })).not.toHaveProperty('media');
  // Events of local users stay stored, and still use their media.
  expect(await purge({})).toMatchObject({ media: { total: 0, totalLength: 0 } });
  expect(await stored()).toHaveLength(4);
  // This purge deletes these events.
  expect(await purge({ deleteLocalEvents: true })).toMatchObject({ media: { total: 2, totalLength: 2 } });
  expect(await stored()).toEqual(['elsewhere', 'kept']);
  await agree();
});

it('hooks of the operations on media can refuse a redaction and a purge', async () => {
  const roomId = await makeSpam();
  const { hooks, operations } = plugin.admin;
  const no = () => deny('M_FORBIDDEN', 'media stay');
  const offs = (['quarantineUserMedia', 'deleteUserMedia', 'deleteRoomMedia'] as const).map((operation) =>
    hooks.before(operation, { name: `no ${operation}` }, no),
  );
  for (const media of ['quarantine', 'delete'] as const)
    await expect(operations.redactUserEvents({ userId: BOB, rooms: [roomId], media }, SYSTEM)).rejects.toThrow('stay');
  await expect(operations.purgeHistory({ roomId, upToTs: Date.now(), media: 'unused' }, SYSTEM)).rejects.toThrow(
    'stay',
  );
  for (const off of offs) off();
  expect(await stored()).toHaveLength(5);
});
