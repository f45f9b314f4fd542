/**
 * Reads pages of long lists over real HTTP: 100,000 rooms and 1,000,000 accounts. Compares the 95th percentile with the limit of
 * 50 ms, the first build of the summaries with 60 s, and `admin.events.apply()` with the search index alone.
 * `ROOMS` and `ACCOUNTS` choose other numbers.
 */
import type { Knex } from 'knex';
import { Registry } from 'prom-client';
import type { ApplyEvents } from '../src/host.ts';
import { createMetrics } from '../src/metrics.ts';
import { createRoomWriter } from '../src/rooms/room-writer.ts';
import { createRooms } from '../src/rooms/rooms.ts';
import { postgresSearch } from '../src/search/postgres/index.ts';
import { createSearchParts } from '../src/search/search-parts.ts';
import { followEvents } from '../src/storage/plugin/follow-events.ts';
import { ADMIN_TOKEN, localpartOf } from './account-data.ts';
import type { Command, Ports } from './accounts-process.ts';
import { withBenchDatabase } from './bench-database.ts';
import { timeOf } from './http-load.ts';
import { makeLists } from './list-data.ts';
import { startProcess } from './other-process.ts';
import { type BenchResult, median, report, rounded } from './report.ts';
import { makeRoom, SERVER_NAME, SIGNING_KEY, userNamed } from './room-data.ts';

const ROOMS = Number(process.env.ROOMS ?? 100_000);
const ACCOUNTS = Number(process.env.ACCOUNTS ?? 1_000_000);
const PAGES = 100;
const LONGEST_PAGE_MS = 50;
const LONGEST_BUILD_MS = 60_000;
const EVENTS = 200;

const ROOM_LIST = '/_synapse/admin/v1/rooms?limit=100';
const USER_LIST = '/_synapse/admin/v2/users?limit=100';

/** For each list, a function that makes the path of a page. `n` is the number of the request. */
const LISTS: Readonly<Record<string, (n: number) => string>> = {
  'rooms-name-first': () => `${ROOM_LIST}&order_by=name`,
  'rooms-name-middle': () => `${ROOM_LIST}&order_by=name&from=${ROOMS / 2}`,
  'rooms-name-last': () => `${ROOM_LIST}&order_by=name&from=${ROOMS - 100}`,
  'rooms-joined_members': () => `${ROOM_LIST}&order_by=joined_members`,
  'rooms-public': () => `${ROOM_LIST}&order_by=public`,
  'rooms-search-rare': () => `${ROOM_LIST}&search_term=porcupine`,
  'rooms-search-common': () => `${ROOM_LIST}&search_term=garden`,
  'users-name-rare': (n) => `${USER_LIST}&name=${localpartOf(((n * 7_919) % (ACCOUNTS - 1)) + 1)}`,
  'users-name-common': () => `${USER_LIST}&name=chen`,
  'users-name-all': () => `${USER_LIST}&name=user`,
  'users-last_seen_ts-first': () => `${USER_LIST}&order_by=last_seen_ts`,
  'users-last_seen_ts-newest': () => `${USER_LIST}&order_by=last_seen_ts&dir=b`,
  'users-last_seen_ts-middle': () => `${USER_LIST}&order_by=last_seen_ts&from=${ACCOUNTS / 2}`,
  'users-last_seen_ts-random': (n) => `${USER_LIST}&order_by=last_seen_ts&from=${(n * 77_773) % ACCOUNTS}`,
  'users-last_seen_ts-last': () => `${USER_LIST}&order_by=last_seen_ts&from=${ACCOUNTS - 100}`,
  'users-name-order-last': () => `${USER_LIST}&from=${ACCOUNTS - 100}`,
  'largest-rooms': () => '/_synapse/admin/v1/statistics/database/rooms',
};

async function get(port: number, path: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  return (await answer.json()) as Record<string, unknown>;
}

interface JobShown {
  readonly state: string;
  readonly started_ts: number;
  readonly finished_ts: number;
}

/** Waits for the first build of the summaries, which the plugin queues by itself. @returns its duration in ms */
async function buildTime(port: number): Promise<number> {
  for (;;) {
    const { jobs } = (await get(port, '/_dendrite/admin/jobs?kind=rebuildSummaries')) as { jobs: JobShown[] };
    const [job] = jobs;
    if (job?.state === 'succeeded') return job.finished_ts - job.started_ts;
    if (job?.state === 'failed') throw new Error(JSON.stringify(job));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const percentile = (times: readonly number[], share: number): number =>
  times.toSorted((a, b) => a - b)[Math.ceil(times.length * share) - 1] ?? Number.NaN;

async function measureLists(port: number): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const [name, path] of Object.entries(LISTS)) {
    const times: number[] = [];
    for (let n = 0; n < PAGES; n += 1)
      times.push(await timeOf({ port, token: ADMIN_TOKEN, path: () => path(n) }, 1, 1));
    const value = percentile(times, 0.95);
    console.log(
      `${name.padEnd(28)} p95 ${rounded(value)} ms, median ${rounded(median(times))} ms, the first ${rounded(times[0] ?? 0)} ms`,
    );
    results.push({
      name,
      value: rounded(value),
      unit: 'ms',
      baseline: LONGEST_PAGE_MS,
      ratio: rounded(LONGEST_PAGE_MS / value),
    });
  }
  return results;
}

/** Measures what summaries add to the time that the search index takes for one event. */
async function measureApply(db: Knex): Promise<BenchResult[]> {
  const metrics = createMetrics(new Registry());
  const search = createSearchParts(postgresSearch(), {
    languages: undefined,
    db,
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    metrics,
    pollIntervalMs: 1_000,
    leaseMs: 10_000,
    connections: 4,
  });
  await search.start();
  const times = { summaries: [] as number[], search: [] as number[], append: [] as number[] };
  const applyEvents: ApplyEvents = async (events, options = {}) => {
    const { transaction } = options;
    if (transaction === undefined) throw new Error('no transaction');
    const startedAt = performance.now();
    await followEvents(transaction, events, [SERVER_NAME]);
    const followedAt = performance.now();
    await search.apply(events, options);
    times.summaries.push(followedAt - startedAt);
    times.search.push(performance.now() - followedAt);
  };
  const settings = {
    serverName: SERVER_NAME,
    localServerNames: [SERVER_NAME],
    signingKeys: [SIGNING_KEY],
    applyEvents,
  };
  const rooms = createRooms(db, createRoomWriter(settings));
  const results: BenchResult[] = [];
  const roomId = await makeRoom(db, rooms, 'writer', 2_000);
  const sender = userNamed('writer');
  const member = userNamed('comes-and-goes');
  const drafts = {
    message: () => ({ type: 'm.room.message', sender, content: { msgtype: 'm.text', body: 'hello' } }),
    name: (n: number) => ({ type: 'm.room.name', sender, stateKey: '', content: { name: `name ${n}` } }),
    member: (n: number) => ({
      type: 'm.room.member',
      sender: member,
      stateKey: member,
      content: { membership: n % 2 === 0 ? 'join' : 'leave' },
    }),
  };
  for (const [kind, draft] of Object.entries(drafts)) {
    for (const list of Object.values(times)) list.length = 0;
    for (let n = 0; n < EVENTS; n += 1) {
      const startedAt = performance.now();
      await db.transaction((transaction) => rooms.append(transaction, roomId, [draft(n)]));
      times.append.push(performance.now() - startedAt);
    }
    const [added, alone, whole] = [median(times.summaries), median(times.search), median(times.append)];
    console.log(
      `apply-${kind}: summaries ${rounded(added)} ms, search ${rounded(alone)} ms, the whole append ${rounded(whole)} ms`,
    );
    const [value, baseline] = kind === 'message' ? [added + alone, alone] : [whole, whole - added];
    results.push({
      name: `${kind === 'message' ? 'apply' : 'append'}-${kind}`,
      value: rounded(value),
      unit: 'ms',
      baseline: rounded(baseline),
      ratio: rounded(baseline / value),
    });
  }
  await search.stop();
  return results;
}

report(
  'lists',
  await withBenchDatabase(0, async ({ connectionString, db }) => {
    await makeLists(db, ROOMS, ACCOUNTS);
    const { ready, stop } = await startProcess<Command>('accounts-process', connectionString);
    const { plugin: port } = ready as Ports;
    try {
      const built = await buildTime(port);
      console.log(`the summaries were built in ${rounded(built / 1_000)} s`);
      await db.raw('VACUUM (ANALYZE) matrix_admin.room_summaries');
      await db.raw('VACUUM (ANALYZE) matrix_admin.user_summaries');
      const build = { name: 'build', value: built, unit: 'ms', baseline: LONGEST_BUILD_MS };
      return [
        { ...build, ratio: rounded(LONGEST_BUILD_MS / built) },
        ...(await measureLists(port)),
        ...(await measureApply(db)),
      ];
    } finally {
      await stop();
    }
  }),
);
