import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MediaFile } from '../../../src/host.ts';
import { deny } from '../../../src/pipeline/hooks.ts';
import { createMediaDirectory, type MediaDirectory } from '../../../src/reference-host/media/media-directory.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import {
  FILE_HASH,
  filesIn,
  filesOfRows,
  insertMedia,
  MEDIA,
  PICTURE_HASH,
  pathInStore,
  REMOTE,
  REMOTE_HASH,
  TEXT_HASH,
  unpackMediaStore,
  writeContents,
} from '../../support/media-fixture.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { makeScratchDirectory } from '../../support/scratch-directory.ts';

const V1 = '/_synapse/admin/v1';
const CHECK = '/_dendrite/admin/media/check';
const ALICE = USERS.alice.user_id;
const ROOM = server.rooms.v10;
const CALLER = { actor: { kind: 'system', name: 'test' } } as const;
/** A time after all uploads. */
const NOW = 1_795_715_300_000;
const uriOf = (mediaId: string, origin: string = SERVER_NAME): string => `mxc://${origin}/${mediaId}`;

let base: string;
let directory: MediaDirectory;
/** The files that the plugin has asked the store to remove. */
let removed: MediaFile[];
/** Called before the store removes something. */
let beforeRemoval: () => Promise<void>;
let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  base = await makeScratchDirectory('media-');
  directory = createMediaDirectory(base);
  plugin = await mountPlugin({
    host: {
      media: {
        ...directory,
        remove: async (files) => {
          await beforeRemoval();
          removed.push(...files);
          await directory.remove(files);
        },
      },
    },
  });
  ({ db } = plugin.database);
});
afterAll(async () => {
  await plugin.close();
  await rm(base, { recursive: true });
});
beforeEach(async () => {
  removed = [];
  beforeRemoval = async () => {};
  await rm(base, { recursive: true });
  await mkdir(base);
  await unpackMediaStore(base);
  await insertMedia(db);
  await db('matrix_admin.media_standings').del();
  await db('matrix_admin.media_removals').del();
  await db('userapi_profiles').update({ avatar_url: '' });
  await db.raw(`UPDATE roomserver_event_json SET event_json = replace(event_json, 'mxc:', 'no:')`);
});

const send = async (path: string, method: string, body?: object): Promise<Record<string, unknown>> => {
  const answer = await plugin.asAdmin(path, { method, ...(body && { body: JSON.stringify(body) }) });
  expect(answer.status, answer.text).toBe(200);
  return jsonOf(answer);
};
const refused = async (path: string, method: string): Promise<[number, unknown]> => {
  const answer = await plugin.asAdmin(path, { method });
  return [answer.status, jsonOf(answer).errcode];
};
const deleteOne = (mediaId: string, origin: string = SERVER_NAME) => send(`${V1}/media/${origin}/${mediaId}`, 'DELETE');
const left = async (): Promise<string[]> => {
  const ids: string[] = await db('mediaapi_media_repository').pluck('media_id');
  return ids.sort();
};
const gone = (...ids: string[]): string[] =>
  Object.values(MEDIA)
    .filter((id) => !ids.includes(id))
    .sort();

async function rowsAndFilesAgree(): Promise<void> {
  expect(await filesIn(base)).toEqual(await filesOfRows(db));
  expect(await db('matrix_admin.media_removals')).toEqual([]);
}

async function addRow(row: object): Promise<void> {
  await db('mediaapi_media_repository').insert({
    media_origin: SERVER_NAME,
    content_type: 'text/plain',
    file_size_bytes: 3,
    creation_ts: 1_795_715_223_000,
    upload_name: '',
    user_id: ALICE,
    ...row,
  });
}

describe('a deletion', () => {
  it('keeps a file until the last media with its content is deleted, and deletes the thumbnails of the deleted media', async () => {
    expect(await deleteOne(MEDIA.alicePicture)).toEqual({
      deleted_media: [MEDIA.alicePicture],
      total: 1,
      total_length: 62_560,
    });
    expect((await filesIn(base)).filter((path) => path.includes(PICTURE_HASH.slice(2)))).toEqual([
      pathInStore(PICTURE_HASH),
    ]);
    await rowsAndFilesAgree();
    await deleteOne(MEDIA.carolPicture);
    expect((await filesIn(base)).filter((path) => path.includes(PICTURE_HASH.slice(2)))).toEqual([]);
    await rowsAndFilesAgree();
    expect(await refused(`${V1}/media/${SERVER_NAME}/${MEDIA.alicePicture}`, 'DELETE')).toEqual([404, 'M_NOT_FOUND']);
  });

  it('deletes a media of another server with its thumbnails', async () => {
    await deleteOne(MEDIA.remotePicture, REMOTE);
    expect(removed).toContainEqual({ hash: REMOTE_HASH });
    await rowsAndFilesAgree();
  });

  it('as a dry run deletes nothing', async () => {
    const answer = await send(`${V1}/media/${SERVER_NAME}/${MEDIA.aliceText}`, 'DELETE', { dry_run: true });
    expect(answer).toEqual({ deleted_media: [MEDIA.aliceText], total: 1, total_length: 10, dry_run: true });
    expect([await left(), removed]).toEqual([gone(), []]);
    await rowsAndFilesAgree();
  });

  it('keeps the file if the same content is uploaded before the file is removed', async () => {
    // This upload has found that the store already has the file, but has not committed its row yet.
    const upload = await db.transaction();
    await plugin.admin.media.lock(TEXT_HASH, { transaction: upload });
    const like = await upload('mediaapi_media_repository').where({ media_id: MEDIA.aliceText }).first();
    await upload('mediaapi_media_repository').insert({ ...like, media_id: 'again' });
    const deleted = deleteOne(MEDIA.aliceText);
    await expect.poll(left).toEqual(gone(MEDIA.aliceText));
    await upload.commit();
    await deleted;
    expect(await directory.sizeOf({ hash: TEXT_HASH })).toBe(10);
    expect(removed).toEqual([]);
    await rowsAndFilesAgree();
  });

  it('whose files the store has failed to remove is completed later, by any process', async () => {
    let failures = 0;
    beforeRemoval = async () => {
      failures += 1;
      // The first attempt removes all files together, and the second one only this file.
      if (failures <= 2) throw new Error('the store is away');
    };
    expect(await deleteOne(MEDIA.aliceText)).toMatchObject({ total: 1 });
    expect(await directory.sizeOf({ hash: TEXT_HASH })).toBe(10);
    expect(plugin.logger.text()).toContain('Could not remove files of media');
    await db('matrix_admin.media_removals').update({ due_at: new Date(0) });
    const next = await mountPlugin({ database: plugin.database, host: { media: directory } });
    await expect.poll(() => db('matrix_admin.media_removals')).toEqual([]);
    await next.close();
    await rowsAndFilesAgree();
  });
});

describe('hostile rows', () => {
  const HOSTILE = ['../../../../etc/passwd', '..', 'ab', 'ab/../../x', 'a'.repeat(256), 'abc\\..', 'ab..cd', ''];

  it.each(HOSTILE)('with the hash %j are deleted, and the store is asked for no file', async (hash) => {
    await addRow({ media_id: 'hostile', base64hash: hash });
    expect(await deleteOne('hostile')).toMatchObject({ total: 1 });
    expect(removed).toEqual([]);
    await rowsAndFilesAgree();
    expect(() => directory.pathOf({ hash })).toThrow('not the hash of a media file');
  });

  it('with a path as the method of a thumbnail are deleted too', async () => {
    await db('mediaapi_thumbnail').insert({
      media_id: MEDIA.aliceText,
      media_origin: SERVER_NAME,
      content_type: '',
      file_size_bytes: 1,
      creation_ts: 1,
      width: -1,
      height: 1,
      resize_method: '../../file',
    });
    await deleteOne(MEDIA.aliceText);
    expect(removed).toEqual([{ hash: TEXT_HASH }]);
    for (const thumbnail of [
      { width: -1, height: 1, method: 'crop' },
      { width: 1, height: 1, method: '../x' },
    ]) {
      expect(() => directory.pathOf({ hash: TEXT_HASH, thumbnail } as MediaFile)).toThrow('not a thumbnail');
    }
  });
});

describe('the media of a user', () => {
  it('are deleted newest first, as many as asked for', async () => {
    const path = `${V1}/users/${ALICE}/media`;
    expect(await send(`${path}?limit=1`, 'DELETE')).toMatchObject({ deleted_media: [MEDIA.aliceText], total: 1 });
    expect(await send(path, 'DELETE')).toMatchObject({ deleted_media: [MEDIA.alicePicture] });
    expect(await send(path, 'DELETE')).toMatchObject({ deleted_media: [], total: 0 });
    await rowsAndFilesAgree();
  });

  it.each([
    [`@nobody:${SERVER_NAME}`, 404, 'M_NOT_FOUND'],
    ['@x:remote', 400, 'M_INVALID_PARAM'],
  ])('are not deleted for %s', async (userId, status, errcode) => {
    expect(await refused(`${V1}/users/${userId}/media`, 'DELETE')).toEqual([status, errcode]);
  });
});

describe('old and large media', () => {
  it('are deleted without the pictures of users and rooms, and without protected media', async () => {
    await db('userapi_profiles')
      .where({ localpart: 'bob' })
      .update({ avatar_url: uriOf(MEDIA.alicePicture) });
    const state = { room_id: ROOM, type: 'm.room.member', state_key: USERS.alice.user_id };
    const { headered_event_json: before } = await db('syncapi_current_room_state').where(state).first();
    const member = JSON.stringify({ content: { avatar_url: uriOf(MEDIA.carolFile) } });
    await db('syncapi_current_room_state').where(state).update({ headered_event_json: member });
    await send(`${V1}/media/protect/${MEDIA.aliceText}`, 'POST', {});
    const path = `${V1}/media/delete?before_ts=${NOW}`;
    expect(await send(`${path}&size_gt=62560`, 'POST')).toMatchObject({ deleted_media: [], total: 0 });
    expect(await send(path, 'POST')).toMatchObject({ deleted_media: [MEDIA.carolPicture], total: 1 });
    await db('syncapi_current_room_state').where(state).update({ headered_event_json: before });
    const all = `${V1}/media/${SERVER_NAME}/delete?before_ts=${NOW}&size_gt=9&keep_profiles=false`;
    expect(await send(all, 'POST', { dry_run: true })).toMatchObject({ total: 2, dry_run: true });
    expect(await send(all, 'POST')).toMatchObject({ total: 2 });
    expect(await left()).toEqual([MEDIA.aliceText, MEDIA.remotePicture].sort());
    await rowsAndFilesAgree();
  });

  it('of other servers are purged by their age', async () => {
    const path = `${V1}/purge_media_cache?before_ts=`;
    expect(await send(path + 1_795_715_223_773, 'POST', {})).toEqual({ deleted: 0, total_length: 0 });
    expect(await send(path + NOW, 'POST', {})).toEqual({ deleted: 1, total_length: 29_274 });
    expect(await left()).toEqual(gone(MEDIA.remotePicture));
    await rowsAndFilesAgree();
  });

  it.each([
    ['media/delete', 'M_MISSING_PARAM'],
    ['media/delete?before_ts=1', 'M_INVALID_PARAM'],
    [`media/delete?before_ts=${NOW}&size_gt=-1`, 'M_INVALID_PARAM'],
    ['purge_media_cache', 'M_MISSING_PARAM'],
    ['purge_media_cache?before_ts=1', 'M_INVALID_PARAM'],
  ])('are not deleted: %s', async (path, errcode) => {
    expect(await refused(`${V1}/${path}`, 'POST')).toEqual([400, errcode]);
    expect(await left()).toEqual(gone());
  });
});

describe('the media of a room', () => {
  it('are deleted unless something else refers to them; with `all`, all are deleted', async () => {
    await writeContents(db, ROOM, [
      { url: uriOf(MEDIA.alicePicture), info: { thumbnail_url: uriOf(MEDIA.carolFile) } },
      { url: uriOf(MEDIA.remotePicture, REMOTE) },
    ]);
    await writeContents(db, server.rooms.v11, [{ formatted_body: `<img src="${uriOf(MEDIA.carolFile)}">` }]);
    const path = `/_dendrite/admin/deleteRoomMedia/${ROOM}`;
    expect(await send(path, 'POST', { dry_run: true })).toMatchObject({ total: 2, dry_run: true });
    expect(await send(path, 'POST', {})).toMatchObject({ total: 2 });
    expect(await left()).toEqual(gone(MEDIA.alicePicture, MEDIA.remotePicture));
    await rowsAndFilesAgree();
    expect(await send(path, 'POST', { media: 'all' })).toMatchObject({ deleted_media: [MEDIA.carolFile] });
    await rowsAndFilesAgree();
  });
});

describe('a purge', () => {
  const [UNUSED, ALL, DELETED] = [server.rooms.v3, server.rooms.v4, server.rooms.v5];
  const purge = (roomId: string, body: object) => send(`/_dendrite/admin/purgeRoom/${roomId}`, 'POST', body);
  beforeEach(() =>
    db('userapi_profiles')
      .where({ localpart: 'bob' })
      .update({ avatar_url: uriOf(MEDIA.carolFile) }),
  );

  it('keeps media by default, and can delete media to which nothing else refers, or all', async () => {
    const contents = [{ url: uriOf(MEDIA.alicePicture), info: { thumbnail_url: uriOf(MEDIA.carolFile) } }];
    await writeContents(db, UNUSED, contents);
    await writeContents(db, ALL, [{ url: uriOf(MEDIA.carolFile) }]);
    const counted = { media: { total: 1, total_length: 62_560 } };
    expect(await purge(UNUSED, { media: 'unused', dry_run: true })).toMatchObject(counted);
    expect(await left()).toEqual(gone());
    const hook = plugin.admin.hooks.before('deleteRoomMedia', { name: 'hold' }, () => deny('M_FORBIDDEN', 'stays'));
    const held = await plugin.asAdmin(`/_dendrite/admin/purgeRoom/${UNUSED}`, {
      method: 'POST',
      body: '{"media":"unused"}',
    });
    hook();
    expect([held.status, jsonOf(held).error]).toEqual([403, 'stays']);
    expect(await purge(UNUSED, { media: 'unused' })).toEqual(counted);
    expect(await left()).toEqual(gone(MEDIA.alicePicture));
    expect(await purge(ALL, { media: 'all' })).toEqual({ media: { total: 1, total_length: 300_000 } });
    expect(await left()).toEqual(gone(MEDIA.alicePicture, MEDIA.carolFile));
    await rowsAndFilesAgree();
    expect(await db('roomserver_rooms').whereIn('room_id', [UNUSED, ALL])).toEqual([]);
  });

  it('as part of a deletion does the same', async () => {
    await writeContents(db, DELETED, [{ url: uriOf(MEDIA.aliceText) }, { url: uriOf(MEDIA.carolFile) }]);
    const path = `${V1}/rooms/${DELETED}`;
    const without = await plugin.asAdmin(path, { method: 'DELETE', body: '{"purge":false,"media":"all"}' });
    expect([without.status, jsonOf(without).errcode]).toEqual([400, 'M_INVALID_PARAM']);
    const answer = await send(path, 'DELETE', { media: 'unused' });
    expect(answer).toMatchObject({ kicked_users: expect.any(Array), media: { total: 1, total_length: 10 } });
    expect(await left()).toEqual(gone(MEDIA.aliceText));
    await rowsAndFilesAgree();
  });
});

describe('a deactivation', () => {
  it("deletes media to which only the user's own profile refers, or all media of the user", async () => {
    const carol = USERS.carol.user_id;
    const file = { avatar_url: uriOf(MEDIA.carolFile) };
    await db('userapi_profiles').where({ localpart: 'carol' }).update(file);
    await writeContents(db, ROOM, [{ body: `look at ${uriOf(MEDIA.carolPicture)}` }]);
    const deactivate = (media: string, dryRun = false) =>
      plugin.admin.operations.deactivateUser({ userId: carol, media: media as 'all', dryRun }, CALLER);
    expect(await deactivate('unused', true)).toMatchObject({ media: { total: 1, totalLength: 300_000 } });
    expect(await left()).toEqual(gone());
    expect(await deactivate('keep')).not.toHaveProperty('media');
    expect(await deactivate('unused')).toMatchObject({ media: { total: 1, totalLength: 300_000 } });
    expect(await left()).toEqual(gone(MEDIA.carolFile));
    const body = JSON.stringify({ media: 'all' });
    expect((await plugin.asAdmin(`${V1}/deactivate/${carol}`, { method: 'POST', body })).status).toBe(200);
    await expect.poll(left).toEqual(gone(MEDIA.carolFile, MEDIA.carolPicture));
    await expect.poll(() => db('matrix_admin.media_removals')).toEqual([]);
    await rowsAndFilesAgree();
  });
});

describe('the check', () => {
  async function breakThings(): Promise<void> {
    await rm(join(base, pathInStore(TEXT_HASH)));
    await rm(join(base, pathInStore(PICTURE_HASH, 'thumbnail-32x32-crop')));
    await writeFile(join(base, pathInStore(FILE_HASH)), 'longer or shorter');
    const orphan = join(base, pathInStore('0rphan'));
    await mkdir(dirname(orphan), { recursive: true });
    await writeFile(orphan, 'x');
    await writeFile(join(base, pathInStore(REMOTE_HASH, 'thumbnail-7x7-scale')), 'xy');
    await writeFile(join(base, pathInStore(REMOTE_HASH, 'notes of the operator')), 'stays');
    await addRow({ media_id: 'hostile', base64hash: '../../etc' });
  }
  const FOUND = { rows: 11, files: 9, rows_without_files: 3, files_without_rows: 2, differing_sizes: 1 };

  it('finds rows without files, files without rows, and other sizes', async () => {
    expect(await send(CHECK, 'POST', {})).toEqual({
      rows: 10,
      files: 9,
      rows_without_files: 0,
      files_without_rows: 0,
      differing_sizes: 0,
      repaired: 0,
      problems: [],
    });
    await breakThings();
    const found = await send(CHECK, 'POST', {});
    expect(found).toMatchObject({ ...FOUND, repaired: 0 });
    expect(found.problems).toEqual(
      expect.arrayContaining([
        { problem: 'row_without_file', uri: uriOf('hostile'), hash: '../../etc', row_size: 3 },
        { problem: 'row_without_file', uri: uriOf(MEDIA.aliceText), hash: TEXT_HASH, row_size: 10 },
        expect.objectContaining({ problem: 'row_without_file', thumbnail: '32x32-crop', row_size: 697 }),
        { problem: 'size', uri: uriOf(MEDIA.carolFile), hash: FILE_HASH, row_size: 300_000, file_size: 17 },
        { problem: 'file_without_row', hash: '0rphan', file_size: 1 },
        { problem: 'file_without_row', hash: REMOTE_HASH, thumbnail: '7x7-scale', file_size: 2 },
      ]),
    );
    expect(await send(CHECK, 'POST', { repair: true, dry_run: true })).toMatchObject({ ...FOUND, repaired: 0 });
    expect([await left(), removed]).toEqual([[...gone(), 'hostile'].sort(), []]);
  });

  it('repairs the differences if asked to', async () => {
    await breakThings();
    expect(await send(CHECK, 'POST', { repair: true })).toMatchObject({ ...FOUND, repaired: 6 });
    expect(await left()).toEqual(gone(MEDIA.aliceText));
    await rm(join(base, pathInStore(REMOTE_HASH, 'notes of the operator')));
    await rowsAndFilesAgree();
    expect(await send(CHECK, 'POST', {})).toMatchObject({ rows: 8, files: 7, problems: [] });
    const carols = await db('mediaapi_media_repository').where({ media_id: MEDIA.carolFile }).first('file_size_bytes');
    expect(carols).toEqual({ file_size_bytes: '17' });
  });
});

describe('without a store of the host', () => {
  let other: MountedPlugin;
  beforeAll(async () => {
    other = await mountPlugin({ database: plugin.database });
  });
  afterAll(() => other.close());

  it('media are shown, and cannot be removed', async () => {
    expect((await other.asAdmin(`${V1}/users/${ALICE}/media`)).status).toBe(200);
    for (const [path, method] of [
      [`media/${SERVER_NAME}/${MEDIA.aliceText}`, 'DELETE'],
      [`users/${ALICE}/media`, 'DELETE'],
      [`media/delete?before_ts=${NOW}`, 'POST'],
      [`purge_media_cache?before_ts=${NOW}`, 'POST'],
    ] as const) {
      const answer = await other.asAdmin(`${V1}/${path}`, { method });
      expect([answer.status, jsonOf(answer)]).toMatchObject([400, { errcode: 'M_BAD_STATE' }]);
      expect(jsonOf(answer).error).toContain('host.media');
    }
    expect((await other.asAdmin(CHECK, { method: 'POST' })).status).toBe(400);
    expect(await left()).toEqual(gone());
    expect(other.logger.text()).toContain('host.media is missing');
  });

  it('jobs of other processes are left to these processes', async () => {
    const { jobId } = await plugin.admin.operations.purgeMediaCache.start({ beforeTs: NOW }, CALLER);
    expect(await other.admin.jobs.wait(jobId)).toMatchObject({ state: 'succeeded' });
    await rowsAndFilesAgree();
  });
});

// This test must be the last, because it stops the plugin that the other tests use.
it('a store that cannot list its files is checked from the rows only', async () => {
  const { sizeOf, remove } = directory;
  const unlisted = await mountPlugin({ database: plugin.database, host: { media: { sizeOf, remove } } });
  await plugin.admin.stop();
  expect(await unlisted.admin.operations.checkMedia({}, CALLER)).toMatchObject({ rows: 10, files: null, problems: [] });
  await unlisted.close();
});
