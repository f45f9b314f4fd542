import type { Knex } from 'knex';
import { z } from 'zod';
import {
  compareRoomSummaries,
  countRooms,
  ROOM_ORDER_INDEXES,
  ROOM_SEARCH_INDEX,
} from '../../storage/plugin/room-summaries.ts';
import { ensureIndex, type SummaryIndex } from '../../storage/plugin/summary-indexes.ts';
import {
  type Compared,
  noteSummarised,
  type SummaryKind,
  type UserPlace,
} from '../../storage/plugin/summary-states.ts';
import { ensureTrigramIndex, type TrigramIndex } from '../../storage/plugin/trigrams.ts';
import {
  compareUserSummaries,
  countAccounts,
  USER_ORDER_INDEXES,
  USER_SEARCH_INDEX,
} from '../../storage/plugin/user-summaries.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/** Number of rooms whose summaries one step compares. `USERS_AT_ONCE` is the same for users. */
const ROOMS_AT_ONCE = 1_000;
const USERS_AT_ONCE = 20_000;

/**
 * Numbers of summaries of one kind. A summary is a row of the plugin's tables that stores what a list shows about a room or a
 * user. `compared` counts the rooms or users that were compared with their summaries. `wrong` counts the summaries that were
 * missing, wrong or superfluous.
 */
export interface ComparedSummaries {
  readonly compared: number;
  readonly wrong: number;
}

/** The result of a rebuild. */
export interface RebuiltSummaries {
  readonly rooms: ComparedSummaries;
  readonly users: ComparedSummaries;
}

/**
 * How far the job has compared one kind of summaries. `next` is the last room or user that was compared, after which the next
 * step begins. It is `undefined` at the beginning and at the end.
 */
interface KindProgress<Place> extends ComparedSummaries {
  readonly next: Place | undefined;
  readonly isDone: boolean;
}

interface Progress {
  readonly rooms?: KindProgress<number>;
  readonly users?: KindProgress<UserPlace>;
}

/**
 * What `compareAll()` needs for one kind of summaries. `total` is the number of rooms or users. `compare` compares the next
 * rooms or users after a place in the list. A place is the NID of a room (Dendrite's number of it), or the localpart and server
 * name of a user.
 */
interface Part<Place> {
  readonly kind: SummaryKind;
  readonly orderIndexes: readonly SummaryIndex[];
  readonly searchIndex: TrigramIndex;
  readonly total: number;
  readonly compare: (transaction: Knex.Transaction, after: Place | undefined) => Promise<Compared<Place>>;
}

/**
 * Compares the summaries of rooms and users with the homeserver's tables, and corrects wrong summaries. Summaries are rows of
 * the plugin's own tables. The plugin reads lists of rooms and users from them. Until the first rebuild has ended, the plugin
 * reads lists from the homeserver's tables, which takes longer. If the homeserver is large, the plugin's `start()` queues the
 * first rebuild.
 */
export const rebuildSummaries = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** Whether to only count what is wrong. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  dedupeKey: () => '',
  begin: async () => {},
  run: async (work: JobScope<Progress>): Promise<RebuiltSummaries> => {
    const { localServerNames, dryRun } = work;
    let progress = work.checkpoint ?? {};
    const rooms = await compareAll(
      work,
      {
        kind: 'rooms',
        orderIndexes: ROOM_ORDER_INDEXES,
        searchIndex: ROOM_SEARCH_INDEX,
        total: await countRooms(work.reader()),
        compare: (transaction, after = Number.MIN_SAFE_INTEGER) =>
          compareRoomSummaries(transaction, localServerNames, { after, limit: ROOMS_AT_ONCE, corrects: !dryRun }),
      },
      progress.rooms,
      (now) => {
        progress = { ...progress, rooms: now };
        return progress;
      },
    );
    const users = await compareAll(
      work,
      {
        kind: 'users',
        orderIndexes: USER_ORDER_INDEXES,
        searchIndex: USER_SEARCH_INDEX,
        total: await countAccounts(work.reader()),
        compare: (transaction, after) =>
          compareUserSummaries(transaction, { after, limit: USERS_AT_ONCE, corrects: !dryRun }),
      },
      progress.users,
      (now) => {
        progress = { ...progress, users: now };
        return progress;
      },
    );
    work.log.info({ rooms, users }, 'Compared the summaries of rooms and users');
    return { rooms, users };
  },
});

/**
 * Compares all summaries of a kind. If this is no dry run, also corrects them, then creates the indexes for sorting and
 * searching, and stores that lists can use the summaries.
 */
async function compareAll<Place>(
  work: JobScope<Progress>,
  { kind, orderIndexes, searchIndex, total, compare }: Part<Place>,
  before: KindProgress<Place> | undefined,
  checkpointOf: (progress: KindProgress<Place>) => Progress,
): Promise<ComparedSummaries> {
  let progress = before ?? { next: undefined, compared: 0, wrong: 0, isDone: false };
  while (!progress.isDone) {
    const { next, compared, wrong } = progress;
    progress = await work.commit(async (transaction) => {
      const step = await compare(transaction, next);
      const value = {
        next: step.next,
        compared: compared + step.compared,
        wrong: wrong + step.wrong,
        isDone: step.next === undefined,
      };
      return { checkpoint: checkpointOf(value), phase: kind, done: value.compared, total, value };
    });
  }
  if (!work.dryRun) {
    for (const index of orderIndexes) await ensureIndex(work.reader(), index, work.signal);
    const isIndexed = await ensureTrigramIndex(work.reader(), searchIndex, work.signal);
    if (!isIndexed) work.log.info({ kind }, 'Without the extension pg_trgm, a search reads all summaries');
    await work.commit(async (transaction) => {
      await noteSummarised(transaction, kind);
      return { checkpoint: checkpointOf(progress), phase: 'index', value: undefined };
    });
  }
  return { compared: progress.compared, wrong: progress.wrong };
}
