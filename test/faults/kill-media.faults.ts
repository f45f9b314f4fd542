import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Knex } from 'knex';
import { expect, it } from 'vitest';
import {
  KILLS_TIMEOUT_MS,
  type KilledOperation,
  killAtRandomMoments,
  SERVER_NAME,
} from '../support/killed-operation.ts';
import { filesIn, filesOfRows, pathInStore } from '../support/media-fixture.ts';

/** Number of media. Every two share a file. */
const MEDIA = 600;
/** Number of files without rows, before a repair. */
const ORPHANS = 200;
const hashOf = (n: number, kind = 'f'): string => `${kind}${String(Math.floor(n / 2)).padStart(42, '0')}`;

async function fillRows(db: Knex): Promise<void> {
  await db.batchInsert(
    'mediaapi_media_repository',
    Array.from({ length: MEDIA }, (_, n) => ({
      media_id: `m${n}`,
      // The second of two media with the same content stays.
      media_origin: n % 4 === 1 ? SERVER_NAME : 'elsewhere.example',
      content_type: 'text/plain',
      file_size_bytes: 2,
      creation_ts: 1,
      upload_name: '',
      base64hash: hashOf(n),
      user_id: '',
    })),
  );
  // Slows each step down, so that processes are killed during it, and before and after its commit.
  await db.raw(`CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END'`);
  await db.raw(`CREATE TRIGGER linger AFTER INSERT OR DELETE ON matrix_admin.media_removals
    FOR EACH STATEMENT EXECUTE FUNCTION linger()`);
}

async function writeFiles(store: string, orphans: number): Promise<void> {
  await rm(store, { recursive: true, force: true });
  for (const hash of [
    ...Array.from({ length: MEDIA / 2 }, (_, n) => hashOf(2 * n)),
    ...Array.from({ length: orphans }, (_, n) => hashOf(2 * n, 'o')),
  ]) {
    const path = join(store, pathInStore(hash));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, 'ok');
  }
}

const OPERATIONS: readonly (Pick<KilledOperation, 'call'> & { readonly orphans: number; readonly left: number })[] = [
  { call: { name: 'purgeMediaCache', input: { beforeTs: 40_000_000_000 } }, orphans: 0, left: MEDIA / 4 },
  { call: { name: 'checkMedia', input: { repair: true } }, orphans: ORPHANS, left: MEDIA },
];

// The short version is test/operations/media/crashes.test.ts, which needs no processes.
it.each(OPERATIONS)(
  'kill -9 at any moment of $call.name: rows and files agree in the end',
  ({ call, orphans, left }) =>
    killAtRandomMoments(async (db) => {
      await fillRows(db);
      return {
        call,
        prepareMedia: (store) => writeFiles(store, orphans),
        underWay: async () => {},
        ended: async (copy, _result, store) => {
          expect(await filesIn(store)).toEqual(await filesOfRows(copy));
          expect(await copy('mediaapi_media_repository')).toHaveLength(left);
          expect(await copy('matrix_admin.media_removals')).toEqual([]);
        },
      };
    }),
  KILLS_TIMEOUT_MS,
);
