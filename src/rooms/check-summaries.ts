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

/** Number of rooms and of accounts that a check compares. A check of a million accounts so takes 50 minutes. */
const ROOMS = 2_000;
const ACCOUNTS = 20_000;

/**
 * Corrects the next part of the summaries. It brings the times of last activity, which the homeserver changes without telling
 * the plugin. Call it once a minute, in every process.
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
