import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MediaStore } from '../../../src/host.ts';
import { type AdminPlugin, createAdminPlugin } from '../../../src/plugin.ts';
import { createMediaDirectory, type MediaDirectory } from '../../../src/reference-host/media/media-directory.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createSigningKey, SERVER_NAME } from '../../support/dendrite-server.ts';
import { countFromEnvironment, tellOfLongVersion } from '../../support/long-version.ts';
import {
  filesIn,
  filesOfRows,
  insertMedia,
  MEDIA,
  pathInStore,
  TEXT_HASH,
  unpackMediaStore,
} from '../../support/media-fixture.ts';
import { createMortalProcess, type MortalProcess } from '../../support/mortal-database.ts';
import { makeScratchDirectory } from '../../support/scratch-directory.ts';

/** Number of crashes of each operation. `CRASHES=50` runs the long version. */
const CRASHES = countFromEnvironment('CRASHES', 6);
const SEED = countFromEnvironment('CRASH_SEED', 20_260_104);
const CALLER = { actor: { kind: 'system', name: 'test' } } as const;
const JOBS = { pollIntervalMs: 20, leaseMs: 500 };
const NOW = 1_795_715_300_000;

interface Trial {
  readonly name: string;
  /** Changes the recorded rows and files before the operation is called. */
  readonly prepare: () => Promise<void>;
  readonly call: (admin: AdminPlugin) => Promise<unknown>;
  /** The media that are left. */
  readonly left: readonly string[];
}

const except = (...ids: readonly string[]): string[] => Object.values(MEDIA).filter((id) => !ids.includes(id));

let base: string;
let directory: MediaDirectory;
let database: TestDatabase;
let db: Knex;
beforeAll(async () => {
  base = await makeScratchDirectory('media-crashes-');
  directory = createMediaDirectory(base);
  database = await createTestDatabase({ fixture: true });
  ({ db } = database);
});
afterAll(async () => {
  await database.drop();
  await rm(base, { recursive: true });
});

/** Adds two files without rows, removes the file of a row, and changes the size in another row. */
async function breakThings(): Promise<void> {
  const orphan = join(base, pathInStore('0rphan'));
  await mkdir(dirname(orphan), { recursive: true });
  for (const name of ['file', 'thumbnail-1x1-crop']) await writeFile(join(dirname(orphan), name), 'x');
  await rm(join(base, pathInStore(TEXT_HASH)));
  await db('mediaapi_media_repository').where({ media_id: MEDIA.carolFile }).update({ file_size_bytes: 1 });
}

const TRIALS: readonly Trial[] = [
  {
    name: 'deleteMedia',
    prepare: async () => {},
    call: ({ operations }) => operations.deleteMedia({ serverName: SERVER_NAME, mediaId: MEDIA.alicePicture }, CALLER),
    left: except(MEDIA.alicePicture),
  },
  {
    name: 'deleteOldMedia',
    prepare: async () => {},
    call: ({ operations }) => operations.deleteOldMedia({ beforeTs: NOW, keepProfiles: false }, CALLER),
    left: [MEDIA.remotePicture],
  },
  {
    name: 'checkMedia',
    prepare: breakThings,
    call: ({ operations }) => operations.checkMedia({ repair: true }, CALLER),
    left: except(MEDIA.aliceText),
  },
];

function start(pool: Knex, media: MediaStore): AdminPlugin {
  return createAdminPlugin(
    { serverName: SERVER_NAME, db: pool, signingKeys: [createSigningKey()], media },
    { jobs: JOBS },
  );
}

/**
 * Creates the media store of a mortal process. Each removal of a file counts as an effect, so the process may die between any
 * two removals.
 */
const mortalStore = ({ effect }: MortalProcess): MediaStore => ({
  sizeOf: async (file) => {
    effect();
    return directory.sizeOf(file);
  },
  list: async (after, limit) => {
    effect();
    return directory.list(after, limit);
  },
  remove: async (files) => {
    for (const file of files) {
      effect();
      await directory.remove([file]);
    }
  },
});

async function reset({ prepare }: Trial): Promise<void> {
  await rm(base, { recursive: true });
  await mkdir(base);
  await unpackMediaStore(base);
  await insertMedia(db);
  if (await db.schema.withSchema('matrix_admin').hasTable('jobs')) {
    await db.raw('TRUNCATE matrix_admin.jobs, matrix_admin.media_removals CASCADE');
  }
  await prepare();
}

/** Calls an operation in a process that dies after some effects. @returns how many effects it had */
async function callUntilDeath(trial: Trial, effectsToLive: number): Promise<{ effects: number; died: boolean }> {
  const process = createMortalProcess(database.connectionString, effectsToLive);
  const admin = start(process.db, mortalStore(process));
  try {
    await admin.start();
    await trial.call(admin);
  } catch (error) {
    if (!process.isDead()) throw error;
  }
  const ended = { effects: process.effects(), died: process.isDead() };
  await admin.stop().catch(() => {});
  await process.db.destroy().catch(() => {});
  return ended;
}

/** Waits until PostgreSQL has noticed that the connections of the dead process are gone. */
const untilAlone = (): Promise<void> =>
  expect
    .poll(async () => {
      const { rows } = await db.raw(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
           AND (state <> 'idle' OR wait_event_type = 'Lock') AND pid <> pg_backend_pid()`,
      );
      return rows.length;
    })
    .toBe(0);

/**
 * Returns a function that tells whether the table `media_removals` contains the file with a path. If it contains the content of
 * a media, it also covers the thumbnails of this content.
 */
async function notedFiles(): Promise<(path: string) => boolean> {
  const notes: { base64hash: string; thumbnail: string }[] = await db('matrix_admin.media_removals');
  const whole = notes.filter(({ thumbnail }) => thumbnail === '').map(({ base64hash }) => pathInStore(base64hash, ''));
  const single = notes.map(({ base64hash, thumbnail }) => pathInStore(base64hash, `thumbnail-${thumbnail}`));
  return (path) => single.includes(path) || whole.some((folder) => path.startsWith(folder));
}

/**
 * Checks the rows and files just after a death: the file of every row exists, and `media_removals` contains every file that has
 * no row.
 */
async function nothingIsLost(): Promise<void> {
  const [files, named, isNoted] = [await filesIn(base), await filesOfRows(db), await notedFiles()];
  expect(named.filter((path) => !files.includes(path))).toEqual([]);
  expect(files.filter((path) => !named.includes(path) && !isNoted(path))).toEqual([]);
}

it(
  'a process that dies at any moment of a removal or a repair loses nothing, and the next one finishes the work',
  async () => {
    let seed = SEED;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const lengths = new Map<Trial, { first: number; last: number }>();
    for (const trial of TRIALS) {
      await reset(trial);
      const began = createMortalProcess(database.connectionString, Number.POSITIVE_INFINITY);
      const admin = start(began.db, mortalStore(began));
      await admin.start();
      const first = began.effects();
      await trial.call(admin);
      lengths.set(trial, { first, last: began.effects() });
      await admin.stop();
      await began.db.destroy();
    }
    const died: Record<string, number> = {};
    for (let n = 0; n < CRASHES; n += 1) {
      const trial = TRIALS[n % TRIALS.length] as Trial;
      const { first, last } = lengths.get(trial) as { first: number; last: number };
      await reset(trial);
      // The last effects come from the plugin's idle loops, and there may be fewer of them in the next run.
      const end = await callUntilDeath(trial, first + Math.floor(random() * 0.9 * (last - first)));
      died[trial.name] = (died[trial.name] ?? 0) + (end.died ? 1 : 0);
      await untilAlone();
      if (trial.name !== 'checkMedia') await nothingIsLost();
      // End the lease of the dead process, so that the next process can take over the job at once.
      await db('matrix_admin.jobs').where({ state: 'running' }).update({ lease_until: db.fn.now() });
      const next = start(database.pluginDb, directory);
      await next.start();
      await trial.call(next).catch((error: unknown) => expect(error).toMatchObject({ errcode: 'M_NOT_FOUND' }));
      await expect.poll(() => db('matrix_admin.jobs').whereIn('state', ['queued', 'running'])).toEqual([]);
      await expect.poll(() => db('matrix_admin.media_removals')).toEqual([]);
      await next.stop();
      expect(await filesIn(base)).toEqual(await filesOfRows(db));
      const left: string[] = await db('mediaapi_media_repository').pluck('media_id');
      expect(left.sort()).toEqual([...trial.left].sort());
    }
    const deaths = Object.values(died).reduce((sum, count) => sum + count, 0);
    expect(deaths).toBeGreaterThan(0);
    tellOfLongVersion('CRASHES', { died, lengths: Object.fromEntries([...lengths].map(([{ name }, l]) => [name, l])) });
  },
  30_000 + CRASHES * 5_000,
);
