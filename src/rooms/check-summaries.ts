import type { Knex } from 'knex';
import type { ServerName } from '../ids.ts';
import { compareRoomSummaries } from '../storage/plugin/room-summaries.ts';
import {
  beginCheck,
  type Compared,
  endCheck,
  type SummaryKind,
  type SummaryPlaces,
} from '../storage/plugin/summary-states.ts';
import { compareUserSummaries } from '../storage/plugin/user-summaries.ts';
import { transact } from '../storage/transact.ts';

/**
 * The next two: maximum number of rooms, and maximum number of accounts, that one call compares. With one call a minute, the
 * check of a million accounts takes 50 minutes.
 */
const ROOMS = 2_000;
const ACCOUNTS = 20_000;

/**
 * The plugin stores a summary row for each room and each account, so that it can read lists of rooms and users quickly.
 * Compares the next summary rows with the tables from which they are computed, and corrects them. The times of last activity of
 * users come only from this check, because the homeserver changes these times without telling the plugin. Every process calls
 * this function once a minute. If another process has just compared rows, the call does nothing.
 */
export async function checkSummaries(db: Knex, localServerNames: readonly ServerName[]): Promise<void> {
  await checkPart(db, 'rooms', (transaction, after = Number.MIN_SAFE_INTEGER) =>
    compareRoomSummaries(transaction, localServerNames, { after, limit: ROOMS, corrects: true }),
  );
  await checkPart(db, 'users', (transaction, after) =>
    compareUserSummaries(transaction, { after, limit: ACCOUNTS, corrects: true }),
  );
}

function checkPart<Kind extends SummaryKind>(
  db: Knex,
  kind: Kind,
  compare: (
    transaction: Knex.Transaction,
    after: SummaryPlaces[Kind] | undefined,
  ) => Promise<Compared<SummaryPlaces[Kind]>>,
): Promise<void> {
  return transact(db, async (transaction) => {
    const part = await beginCheck(transaction, kind);
    if (part === undefined) return;
    const { next } = await compare(transaction, part.next);
    await endCheck(transaction, kind, next);
  });
}
