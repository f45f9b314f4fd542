/**
 * Reindexes 172,672 events with the PostgreSQL index, with one process and with two. If MEILI_URL is set, also with
 * Meilisearch. If OPENSEARCH_URL is set, also with OpenSearch, whose baseline are bulk requests with the same documents. Other
 * baselines: one SQL statement that fills a table with the same columns by `to_tsvector`, and the same indexes,
 * which are built with the same memory. The baseline `words` has the words as spelled. The baseline `stems` also has their stems
 * in the four languages of the sample that PostgreSQL knows. Neither can find Chinese, Japanese and Korean. The rounds
 * alternate, and the medians count.
 */
import type { Knex } from 'knex';
import { createAdminPlugin } from '../src/index.ts';
import { meilisearchSearch } from '../src/search/meilisearch/index.ts';
import { opensearchSearch } from '../src/search/opensearch/index.ts';
import { postgresSearch } from '../src/search/postgres/index.ts';
import type { SearchAdapter } from '../src/search/search-index.ts';
import { migrateOwnSchema } from '../src/storage/database.ts';
import { type BenchDatabase, withBenchDatabase } from './bench-database.ts';
import { recordBulk, timeRawBulk } from './opensearch-bulk.ts';
import { startProcess } from './other-process.ts';
import { type BenchResult, median, report, rounded } from './report.ts';
import { SERVER_NAME, SIGNING_KEY } from './room-data.ts';

const EVENTS = Number(process.env.EVENTS ?? 172_672);
const ROUNDS = Number(process.env.ROUNDS ?? 5);

/** The SQL that makes the lexemes of a body, by baseline. */
const BASELINES = {
  words: `to_tsvector('simple', body)`,
  stems: ['simple', 'english', 'german', 'french', 'russian']
    .map((configuration) => `to_tsvector('${configuration}', body)`)
    .join(' || '),
};
type Baseline = keyof typeof BASELINES;

const statementsOf = (lexemes: string): readonly string[] => [
  'CREATE TABLE baseline (LIKE matrix_admin.search_documents)',
  // This is the fastest way to read the body in PostgreSQL. OFFSET 0 makes PostgreSQL parse each event's JSON only once.
  `INSERT INTO baseline
   SELECT event_id, room_id, sender, id, 'content.body', body, ${lexemes}
   FROM (SELECT event_id, room_id, sender, id, headered_event_json::json #>> '{content,body}' AS body
         FROM public.syncapi_output_room_events WHERE type = 'm.room.message' OFFSET 0) AS e`,
  "SET LOCAL maintenance_work_mem = '256MB'", // as ours
  'CREATE INDEX ON baseline USING gin (lexemes)',
  'CREATE UNIQUE INDEX ON baseline (event_id)',
  'CREATE INDEX ON baseline (room_id, stream_position)',
];

async function timeBaseline(db: Knex, baseline: Baseline): Promise<number> {
  await db.raw('DROP TABLE IF EXISTS baseline');
  const startedAt = performance.now();
  await db.transaction(async (transaction) => {
    for (const statement of statementsOf(BASELINES[baseline])) await transaction.raw(statement);
  });
  return performance.now() - startedAt;
}

/** Measures the time from the call to the end of the job, in ms. */
async function timeReindex(db: Knex, search: SearchAdapter): Promise<number> {
  const admin = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys: [SIGNING_KEY] }, { search });
  await admin.start();
  try {
    const { jobId } = await admin.operations.reindexFulltext.start({}, { actor: { kind: 'system', name: 'bench' } });
    const job = await admin.jobs.wait(jobId);
    if (job.result?.documents !== EVENTS) throw new Error(`unexpected result: ${JSON.stringify(job)}`);
    return (job.finishedTs ?? Number.NaN) - job.createdTs;
  } finally {
    await admin.stop();
  }
}

async function timeTwoProcesses({ db, connectionString }: BenchDatabase): Promise<number> {
  const other = await startProcess('plugin-process', connectionString);
  try {
    return await timeReindex(db, postgresSearch());
  } finally {
    await other.stop();
  }
}

async function measure(database: BenchDatabase): Promise<BenchResult[]> {
  const node = process.env.OPENSEARCH_URL;
  const url = process.env.MEILI_URL;
  const apiKey = process.env.MEILI_API_KEY;
  const candidates: Record<string, () => Promise<number>> = {
    postgres: () => timeReindex(database.db, postgresSearch()),
    'postgres-two-processes': () => timeTwoProcesses(database),
    ...(node && { opensearch: () => timeReindex(database.db, opensearchSearch({ node })) }),
    ...(url && { meilisearch: () => timeReindex(database.db, meilisearchSearch(apiKey ? { url, apiKey } : { url })) }),
  };
  await migrateOwnSchema(database.db);
  const bulk = node && (await recordBulk(node, (proxy) => timeReindex(database.db, opensearchSearch({ node: proxy }))));
  const times = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, time] of [
      ['words', () => timeBaseline(database.db, 'words')] as const,
      ['stems', () => timeBaseline(database.db, 'stems')] as const,
      ...(bulk ? [['bulk', () => timeRawBulk(bulk)] as const] : []),
      ...Object.entries(candidates),
    ]) {
      const ms = await time();
      times.set(name, [...(times.get(name) ?? []), ms]);
      console.log(`round ${round + 1}  ${name.padEnd(24)} ${Math.round((EVENTS / ms) * 1_000)} events/s`);
    }
  }
  const rate = (name: string): number => Math.round((EVENTS / median(times.get(name) ?? [])) * 1_000);
  const compared = (name: string, baseline: Baseline | 'bulk'): BenchResult => ({
    name: `${name}-to-${baseline}`,
    value: rate(name),
    unit: 'events/s',
    baseline: rate(baseline),
    ratio: rounded(rate(name) / rate(baseline)),
  });
  return Object.keys(candidates).flatMap((name) =>
    name === 'opensearch' ? [compared(name, 'bulk')] : [compared(name, 'words'), compared(name, 'stems')],
  );
}

console.log(`creating ${EVENTS} events`);
report('reindex', await withBenchDatabase(EVENTS, measure));
