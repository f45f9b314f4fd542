import type { Knex } from 'knex';
import type { EventId, RoomId, UserId } from '../src/ids.ts';
import { createMetrics } from '../src/metrics.ts';
import { textOf } from '../src/reference-host/sample-events.ts';
import { createAnalysis } from '../src/search/analysis/analysis.ts';
import { postgresSearch } from '../src/search/postgres/index.ts';
import type { SearchDocument, SearchIndex } from '../src/search/search-index.ts';

/** Number of rooms. The first room has the most messages, and each next room has fewer. */
export const ROOMS = 2_000;
/** Number of messages that the search index analyses. Further messages are copies of these messages. */
const ANALYSED = 250_000;
const BATCH = 1_000;
const LANES = 3;
/** The id of the rebuild that fills the index. */
const REBUILD_ID = '0b';
/** Rooms up to this number never have the word `elsewhere`. One in a hundred messages of the other rooms has it. */
const FIRST_ROOM_WITH_ELSEWHERE = 1_000;

export const roomAt = (index: number): RoomId => `!room${index}:localhost` as RoomId;

function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Chooses a room. Room 0 has a fifth of all messages, and the share of room n falls with 1 / (n + 20). */
function createRoomChoice(random: () => number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let room = 0; room < ROOMS; room += 1) {
    sum += room === 0 ? 1.2 : 1 / (room + 20);
    sums.push(sum);
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, ROOMS - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Rare words. One message in `oneIn` contains the word. */
const ADDED: readonly (readonly [oneIn: number, word: string])[] = [
  [100_000, 'quokka'],
  [10_000, 'numbat'],
  [1_000, 'wombat'],
];

function* documentsOf(count: number): Generator<SearchDocument> {
  const random = createRandom(1);
  const chooseRoom = createRoomChoice(random);
  for (let index = 1; index <= count; index += 1) {
    const room = chooseRoom();
    const added = ADDED.filter(([oneIn]) => index % oneIn === oneIn >> 1).map(([, word]) => word);
    if (room >= FIRST_ROOM_WITH_ELSEWHERE && random() < 0.01) added.push('elsewhere');
    yield {
      eventId: `$${String(index).padStart(43, '0')}` as EventId,
      roomId: roomAt(room),
      sender: `@user${room}:localhost` as UserId,
      streamPosition: index,
      key: 'content.body',
      text: [textOf(random), ...added].join(' '),
    };
  }
}

function take<T>(items: Iterator<T, void>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = items.next();
    if (done === true || value === undefined) break;
    taken.push(value);
  }
  return taken;
}

/** Creates the index of the PostgreSQL engine, and fills it with messages as a reindex does. */
export async function fillSearchIndex(db: Knex, size: number): Promise<SearchIndex> {
  const index = postgresSearch()({
    db,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    metrics: createMetrics(),
    analysis: createAnalysis(),
  });
  await index.start();
  await index.rebuild.abort(REBUILD_ID);
  const rebuild = { id: REBUILD_ID, marker: await index.rebuild.begin(REBUILD_ID) };
  const analysed = Math.min(size, ANALYSED);
  const documents = documentsOf(analysed);
  const loadBatches = async (): Promise<void> => {
    for (;;) {
      const batch = take(documents, BATCH);
      if (batch.length === 0) return;
      await index.rebuild.load(rebuild, batch, (write) => db.transaction(write));
    }
  };
  await Promise.all(Array.from({ length: LANES }, loadBatches));
  const columns = 'sender, key, text, lexemes';
  for (let copied = analysed; copied < size; copied += analysed) {
    await db.raw(
      `INSERT INTO matrix_admin.search_documents_${REBUILD_ID} (event_id, room_id, stream_position, ${columns})
       SELECT left(event_id, 30) || lpad((stream_position + :copied)::text, 14, '0'), room_id, stream_position + :copied, ${columns}
       FROM matrix_admin.search_documents_${REBUILD_ID} WHERE stream_position <= :left AND stream_position <= :analysed`,
      { copied, analysed, left: size - copied },
    );
  }
  await index.rebuild.finishLoad(rebuild);
  await db.transaction((transaction) => index.rebuild.swap(rebuild, transaction));
  await db.raw('VACUUM matrix_admin.search_documents');
  return index;
}
