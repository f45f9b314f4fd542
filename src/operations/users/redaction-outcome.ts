import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../ids.ts';
import type { JobItems } from '../../jobs/job-items.ts';
import type { Db } from '../../storage/database.ts';
import type { EventPlace } from '../../storage/syncapi/user-events.ts';
import type { JobScope } from '../define-operation.ts';

/** Maximum number of events that a result names. Further events are only counted. */
const MAX_NAMED = 10_000;

/** A reason why events were not redacted, and how many events were not redacted for this reason. */
interface FailureCount {
  readonly reason: string;
  readonly events: number;
}

/** A reason why events were not redacted, and the ids of these events. */
export interface RedactionFailure extends FailureCount {
  /** Ids of the events. The failures of a result together name at most 10,000 events. */
  readonly eventIds: readonly string[];
}

/** The outcome of redacting a user's events. A dry run returns what the outcome would be. */
export interface UserRedaction {
  /** Number of events that were redacted. */
  readonly redacted: number;
  /** The events that were not redacted, grouped by reason. Absent if there are none. */
  readonly failed?: readonly RedactionFailure[];
  /** Number of media that were quarantined or deleted. Absent if the input field `media` is `keep`. */
  readonly media?: number;
}

/**
 * The checkpoint of a redaction. The ids of the events that were not redacted are not in the checkpoint, but in a list that the
 * database stores for the job: the job's items. The ordinal of an item is the index of the event's reason in `failed`.
 */
export interface RedactionProgress {
  readonly redacted: number;
  readonly failed: readonly FailureCount[];
  /** Number of media that were quarantined or deleted. Absent if the input field `media` is `keep`. */
  readonly media?: number;
  /** The room whose events the job is redacting. The job processes rooms in the order of their ids. Absent at the beginning. */
  readonly roomId?: RoomId;
  /** The last event that the job has processed in the room `roomId`. Absent after the job has finished this room. */
  readonly after?: EventPlace | undefined;
  /** Number of events in the room `roomId` that the job has tried to redact. The input limits this number for each room. */
  readonly counted: number;
  /** Number of events in the rooms that the job has finished. `total` is the sum for all rooms. */
  readonly done: number;
  readonly total: number;
}

/**
 * Returns the outcome so far. `items` is sorted by reason, in the order of `counts`. So the numbers in `counts` tell which
 * items have which reason.
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

/** An event that was not redacted, and the reason for this. */
export interface FailedRedaction {
  readonly eventId: EventId;
  readonly reason: string;
}

/**
 * Stores the ids of events that were not redacted as items of the job, and adds the events to the counts by reason.
 * @returns the progress with the new counts
 */
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
