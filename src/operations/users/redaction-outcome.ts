import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../ids.ts';
import type { JobItems } from '../../jobs/job-items.ts';
import type { Db } from '../../storage/database.ts';
import type { EventPlace } from '../../storage/syncapi/user-events.ts';
import type { JobScope } from '../define-operation.ts';

/** Maximum number of events that a result names. Further events are only counted. */
const MAX_NAMED = 10_000;

/** A number of events that were not redacted, and the reason. */
interface FailureCount {
  readonly reason: string;
  readonly events: number;
}

/** Events that were not redacted, and the reason. */
export interface RedactionFailure extends FailureCount {
  /** Ids of the events. All failures together name at most 10,000 events. */
  readonly eventIds: readonly string[];
}

/** The outcome of redacting a user's events. A dry run returns what the outcome would be. */
export interface UserRedaction {
  /** Number of events that were redacted. */
  readonly redacted: number;
  /** Events that were not redacted, by reason. Absent if there are none. */
  readonly failed?: readonly RedactionFailure[];
  /** Number of media that were quarantined or deleted. Absent if media are kept. */
  readonly media?: number;
}

/**
 * The checkpoint of a redaction. The job's items are the ids of the events that were not redacted. The ordinal of an item is
 * the index in `failed` at which the reason for this event is.
 */
export interface RedactionProgress {
  readonly redacted: number;
  readonly failed: readonly FailureCount[];
  /** Number of media that were quarantined or deleted. Absent if media are kept. */
  readonly media?: number;
  /** The room whose events the job is redacting. The job processes rooms in the order of their ids. Absent at the beginning. */
  readonly roomId?: RoomId;
  /** The last event that the job has processed in the room `roomId`. Absent after the job has finished this room. */
  readonly after?: EventPlace | undefined;
  /** Number of events in the room `roomId` that count towards the limit. */
  readonly counted: number;
  /** Number of events in finished rooms. */
  readonly done: number;
  readonly total: number;
}

/**
 * Returns the outcome so far. The list of items is sorted by reason, in the order of `counts`. So the numbers in `counts` tell
 * which items have which reason.
 */
export async function outcomeOf(
  { redacted, failed: counts, media }: Pick<RedactionProgress, 'redacted' | 'failed' | 'media'>,
  items: JobItems,
  db: Db,
): Promise<UserRedaction> {
  const numbers = { redacted, ...(media !== undefined && { media }) };
  if (counts.length === 0) return numbers;
  const eventIds = await items.list(db, MAX_NAMED);
  let first = 0;
  const failed = counts.map(({ reason, events }) => {
    const named = eventIds.slice(first, first + events);
    first += events;
    return { reason, events, eventIds: named };
  });
  return { ...numbers, failed };
}

/** An event that was not redacted, and the reason. */
export interface FailedRedaction {
  readonly eventId: EventId;
  readonly reason: string;
}

/** Stores the ids of the events that were not redacted, and counts these events by reason. */
export async function noteFailures(
  { items }: JobScope<RedactionProgress>,
  transaction: Knex.Transaction,
  progress: RedactionProgress,
  failures: readonly FailedRedaction[],
): Promise<RedactionProgress> {
  const counts = new Map(progress.failed.map(({ reason, events }) => [reason, events]));
  for (const { reason } of failures) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const reasons = [...counts.keys()];
  await items.add(
    transaction,
    failures.map(({ eventId, reason }) => ({ item: eventId, ordinal: reasons.indexOf(reason) })),
  );
  return { ...progress, failed: [...counts].map(([reason, events]) => ({ reason, events })) };
}
