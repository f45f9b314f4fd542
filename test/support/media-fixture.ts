import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Knex } from 'knex';

const FOLDER = new URL('../fixtures/media/', import.meta.url);
const BLOCK = 512;
/** The type of a regular file in a tar archive. */
const REGULAR = '0';

/** Media that a real Dendrite has stored. The pictures of Alice and Carol have the same content, so they share a file. */
export const MEDIA = {
  alicePicture: 'beac575b1bed815e75000a89ebc2b875bc1ac45fff00fa58061c6aa3c0077a8a',
  carolPicture: '82f6e3accdf50fefd95a8d79125602ae789df5fdf707b1d95e01077682eee057',
  aliceText: '093433c84a40e3045f97aa5653963b2bbc600f17aca39cf83c6d5f080f9ca23b',
  carolFile: 'f37e97e11ccaabef2e99bd4dcbb11f1fe458ba8351528c4b574c7c8ebb17ac77',
  remotePicture: '3fb9b3c7bb66f6b6eb1af9b8b37fed74226e54520b2bb4347ba89865fad16f11',
} as const;
/** The server from which `remotePicture` comes. */
export const REMOTE = 'localhost:28448';
export const PICTURE_HASH = 'hZ8XSYXBjkQ6vmtQWOJkEvJrAtjfdStO17RShgFBoFE';
export const TEXT_HASH = 'yez15Ux7PyZA7Moh-W1MNiWit5NRBPQcXt4pk1qeUsk';
export const FILE_HASH = 'CPFmR23hg_ehsodNVE03kSqvjRm5IBPhqv4jO6IxAko';
export const REMOTE_HASH = 'VcvHJAJT9RAQxadKju7Rrnu1ywB7QVn_BMC5QhdUbwQ';

/** Returns the path of a file in the store. */
export const pathInStore = (hash: string, name = 'file'): string =>
  join(hash.slice(0, 1), hash.slice(1, 2), hash.slice(2), name);

/** Replaces all rows of media with the recorded ones. */
export async function insertMedia(db: Knex): Promise<void> {
  await db.raw('TRUNCATE public.mediaapi_media_repository, public.mediaapi_thumbnail');
  await db.raw(await readFile(new URL('rows.sql', FOLDER), 'utf8'));
}

/** Writes the recorded files below a folder. */
export async function unpackMediaStore(base: string): Promise<void> {
  const archive = gunzipSync(await readFile(new URL('media_store.tgz', FOLDER)));
  for (let at = 0; archive[at] !== undefined && archive[at] !== 0; ) {
    const text = (from: number, length: number): string =>
      archive
        .subarray(at + from, at + from + length)
        .toString('latin1')
        .replace(/\0.*$/s, '');
    const size = Number.parseInt(text(124, 12), 8);
    const path = join(base, text(0, 100).replace(/^media_store\//, ''));
    if (text(156, 1) === REGULAR) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, archive.subarray(at + BLOCK, at + BLOCK + size));
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

/** Returns the sorted paths of all files below a folder. */
export async function filesIn(base: string): Promise<string[]> {
  const entries = await readdir(base, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(base, join(entry.parentPath, entry.name)))
    .sort();
}

/** Returns the sorted paths of the files to which the rows of media and thumbnails refer. */
export async function filesOfRows(db: Knex): Promise<string[]> {
  const { rows } = await db.raw(
    `SELECT base64hash AS hash, 'file' AS name FROM mediaapi_media_repository
     UNION SELECT base64hash, 'thumbnail-' || width || 'x' || height || '-' || resize_method
     FROM mediaapi_thumbnail JOIN mediaapi_media_repository USING (media_id, media_origin)`,
  );
  return rows.map(({ hash, name }: { hash: string; name: string }) => pathInStore(hash, name)).sort();
}

/** Gives the last events of a room other contents or other JSON texts. */
export async function writeContents(db: Knex, roomId: string, contents: readonly (object | string)[]): Promise<void> {
  const { rows } = await db.raw(
    `SELECT event_nid FROM roomserver_events JOIN roomserver_rooms USING (room_nid)
     JOIN roomserver_event_types USING (event_type_nid)
     WHERE room_id = ? AND event_type NOT IN ('m.room.create', 'm.room.member', 'm.room.power_levels')
     ORDER BY event_nid DESC LIMIT ?`,
    [roomId, contents.length],
  );
  if (rows.length < contents.length) throw new Error(`the room has only ${rows.length} events for contents`);
  for (const [at, content] of contents.entries()) {
    const json = typeof content === 'string' ? content : JSON.stringify({ type: 'm.room.message', content });
    await db('roomserver_event_json').where({ event_nid: rows[at].event_nid }).update({ event_json: json });
  }
}
