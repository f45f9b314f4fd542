import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/**
 * The kinds of summaries: of rooms, and of users. Each kind has a table of its own. A summary is a row that contains what lists
 * need to know about a room or user, so that long lists are quick.
 */
export type SummaryKind = keyof SummaryPlaces;

/** For each kind of summaries, how a check stores its position: as the last room or user whose summary it has compared. */
export interface SummaryPlaces {
  /** The NID of a room, which is the number that Dendrite gives the room. */
  readonly rooms: number;
  readonly users: UserPlace;
}

/** The place of an account in the order of localparts and server names. */
export interface UserPlace {
  readonly localpart: string;
  readonly serverName: string;
}

/** The result of comparing the stored summaries of a batch of rooms or accounts with summaries that were computed anew. */
export interface Compared<Place> {
  /** The last room or account of this batch, after which the next batch begins. `undefined` if this was the last batch. */
  readonly next: Place | undefined;
  /** Number of rooms or accounts in the batch. */
  readonly compared: number;
  /** Number of summaries that were missing, wrong, or superfluous (of a room or account that must not have one). */
  readonly wrong: number;
}

/** Tells whether the summaries of a kind are complete, so that the plugin can read lists from them. */
export async function isSummarised(db: Db, kind: SummaryKind): Promise<boolean> {
  const rows = await rowsOf(
    db.raw('SELECT FROM matrix_admin.summary_states WHERE kind = ? AND built_at IS NOT NULL', [kind]),
  );
  return rows.length > 0;
}

/**
 * Summaries are built only if the homeserver has more rooms or accounts than this. For fewer rooms or accounts, lists from the
 * homeserver's own tables are quick.
 */
const MANY = 5_000;

/**
 * Tells whether to start a rebuild of the summaries: for at least one kind, the homeserver has more than `MANY` rooms or
 * accounts, and the summaries are incomplete. Returns `false` if a rebuild is already queued or running.
 */
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

/**
 * Minimum time between two checks of summaries of the same kind, in seconds. Every process of the homeserver tries to begin a
 * check once a minute. With this limit, usually only one of the processes does a check in each minute.
 */
const BETWEEN_CHECKS_S = 30;

/**
 * Begins a check of a batch of summaries, and locks the state of this kind of summaries until the transaction ends.
 * @returns `undefined` if nothing is to be checked now: the summaries are incomplete, another process is checking summaries of
 * this kind, or the last check ended less than `BETWEEN_CHECKS_S` ago. Otherwise an object: `next` is the room or user after
 * which the batch begins, and is `undefined` if the batch begins with the first room or user.
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

/**
 * Stores the end of a check.
 * @param next the room or user after which the next check begins; `undefined` if it begins with the first one
 */
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

/** Stores that a rebuild has completed the summaries of a kind. */
export async function noteSummarised(transaction: Knex.Transaction, kind: SummaryKind): Promise<void> {
  await transaction.raw('UPDATE matrix_admin.summary_states SET built_at = clock_timestamp() WHERE kind = ?', [kind]);
}
