import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/** The tables of summaries. */
export type SummaryKind = keyof SummaryPlaces;

/** The places in the orders in which summaries are compared. */
export interface SummaryPlaces {
  /** The NID of a room. */
  readonly rooms: number;
  readonly users: UserPlace;
}

/** The place of an account in the order of names. */
export interface UserPlace {
  readonly localpart: string;
  readonly serverName: string;
}

/** What a comparison of a batch of summaries has found. */
export interface Compared<Place> {
  /** Where the next batch begins. `undefined`: this was the last one. */
  readonly next: Place | undefined;
  /** Number of rooms or accounts in the batch. */
  readonly compared: number;
  /** Number of summaries that were missing, wrong, or superfluous. */
  readonly wrong: number;
}

/** Whether the summaries are complete, so that lists can be read from them. */
export async function isSummarised(db: Db, kind: SummaryKind): Promise<boolean> {
  const rows = await rowsOf(
    db.raw('SELECT FROM matrix_admin.summary_states WHERE kind = ? AND built_at IS NOT NULL', [kind]),
  );
  return rows.length > 0;
}

/** Number of rooms or accounts from which on lists are read from summaries. The homeserver's own tables are quick below it. */
const MANY = 5_000;

/** Whether there are many rooms or accounts without complete summaries, and no rebuild is under way. */
export async function needsSummaries(db: Db): Promise<boolean> {
  const rows = await rowsOf(
    db.raw(
      `SELECT kind FROM matrix_admin.summary_states WHERE built_at IS NULL
         AND CASE kind WHEN 'rooms' THEN EXISTS (SELECT FROM public.roomserver_rooms OFFSET ${MANY} LIMIT 1)
           ELSE EXISTS (SELECT FROM public.userapi_accounts OFFSET ${MANY} LIMIT 1) END
         AND NOT EXISTS (SELECT FROM matrix_admin.jobs WHERE kind = 'rebuildSummaries' AND state IN ('queued', 'running'))`,
    ),
  );
  return rows.length > 0;
}

/** Time between two checks of a kind of summaries, in s. It is less than a minute, so that one process in a minute checks. */
const BETWEEN_CHECKS_S = 30;

/**
 * Begins a check of a part of the summaries, unless they are incomplete or another process has just checked a part.
 * @returns `next`: where the check begins. `undefined`: nothing is to be checked now
 */
export async function beginCheck<Kind extends SummaryKind>(
  transaction: Knex.Transaction,
  kind: Kind,
): Promise<{ readonly next: SummaryPlaces[Kind] | undefined } | undefined> {
  const [row] = await rowsOf<{ next: SummaryPlaces[Kind] | null }>(
    transaction.raw(
      `SELECT checked_up_to AS next FROM matrix_admin.summary_states WHERE kind = ? AND built_at IS NOT NULL
         AND coalesce(checked_at < clock_timestamp() - ${BETWEEN_CHECKS_S} * interval '1 s', true) FOR UPDATE SKIP LOCKED`,
      [kind],
    ),
  );
  return row && { next: row.next ?? undefined };
}

/** Notes where the next check begins. `undefined`: at the beginning */
export async function endCheck(
  transaction: Knex.Transaction,
  kind: SummaryKind,
  next: SummaryPlaces[SummaryKind] | undefined,
): Promise<void> {
  await transaction.raw(
    `UPDATE matrix_admin.summary_states SET checked_up_to = ?, checked_at = clock_timestamp() WHERE kind = ?`,
    [next === undefined ? null : JSON.stringify(next), kind],
  );
}

/** Notes that a rebuild has completed the summaries. */
export async function noteSummarised(transaction: Knex.Transaction, kind: SummaryKind): Promise<void> {
  await transaction.raw('UPDATE matrix_admin.summary_states SET built_at = clock_timestamp() WHERE kind = ?', [kind]);
}
