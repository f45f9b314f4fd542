import type { Knex } from 'knex';
import type { EventId } from '../ids.ts';
import { inSlices } from '../in-slices.ts';
import { canonicalJson } from '../matrix/canonical-json.ts';
import type { CheckedEvent } from '../matrix/check-event.ts';
import { sorted } from '../matrix/sorted.ts';
import { allocateEventNids } from '../storage/allocate-ids.ts';
import { batchesOf } from '../storage/batches.ts';
import { assignNids, type Nids, type Texts } from '../storage/roomserver/nids.ts';
import { findEventNids, insertOutliers } from '../storage/roomserver/outliers.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';

/**
 * The NIDs of events, and of their event types, state keys and senders. A NID is the number by which Dendrite's tables refer to
 * a text or an event.
 */
export interface StoredOutliers {
  readonly nids: Nids;
  readonly typeNidOf: (checked: CheckedEvent) => number;
  /** Returns the NID of a state key or a user id. */
  readonly nidOf: (text: string) => number;
  readonly eventNidOf: (checked: CheckedEvent) => number;
}

/**
 * Stores those of the given events that are not stored yet, as outliers. An outlier is an event that is stored without a place
 * in the room's timeline.
 * @returns the NIDs of all given events
 */
export async function storeOutliers(
  transaction: Knex.Transaction,
  { roomNid }: StoredRoom,
  all: readonly CheckedEvent[],
): Promise<StoredOutliers> {
  const texts = await inSlices(textsOf(all));
  const nids = {
    eventTypes: await assignAll(transaction, 'eventTypes', texts.eventTypes),
    stateKeys: await assignAll(transaction, 'stateKeys', texts.stateKeys),
  };
  const typeNidOf = ({ type }: CheckedEvent): number => nids.eventTypes.get(type) ?? Number.NaN;
  const nidOf = (text: string): number => nids.stateKeys.get(text) ?? Number.NaN;

  const eventNids = new Map<EventId, number>();
  for (const batch of batchesOf(all)) {
    const ids = batch.map(({ eventId }) => eventId);
    for (const [id, nid] of await findEventNids(transaction, ids)) eventNids.set(id, nid);
  }
  const missing = await inSlices(missingOf(all, eventNids));
  for (const batch of batchesOf(missing)) {
    const allocated = await allocateEventNids(transaction, batch.length);
    for (const [i, { eventId }] of batch.entries()) eventNids.set(eventId, allocated[i] ?? Number.NaN);
  }
  const eventNidOf = ({ eventId }: CheckedEvent): number => eventNids.get(eventId) ?? Number.NaN;
  for (const batch of batchesOf(missing)) {
    const outliers = batch.map((checked) => ({
      eventNid: eventNidOf(checked),
      eventId: checked.eventId,
      typeNid: typeNidOf(checked),
      stateKeyNid: checked.stateKey === undefined ? 0 : nidOf(checked.stateKey),
      depth: checked.depth,
      authEventNids: checked.authEventIds.map((id) => eventNids.get(id) ?? Number.NaN),
      json: canonicalJson(checked.event),
    }));
    await insertOutliers(transaction, roomNid, outliers);
  }
  return { nids, typeNidOf, nidOf, eventNidOf };
}

/** Returns the events that are not stored yet, in ascending order of depth. */
function* missingOf(
  all: readonly CheckedEvent[],
  stored: ReadonlyMap<EventId, number>,
): Generator<undefined, CheckedEvent[], undefined> {
  const missing: CheckedEvent[] = [];
  for (const checked of all) {
    yield;
    if (!stored.has(checked.eventId)) missing.push(checked);
  }
  return yield* sorted(missing, (a, b) => a.depth - b.depth);
}

/**
 * Returns the event types of the events, and the state keys and senders, each once. Dendrite stores the NIDs of senders in the
 * table of state keys.
 */
function* textsOf(
  events: readonly CheckedEvent[],
): Generator<undefined, { eventTypes: Set<string>; stateKeys: Set<string> }, undefined> {
  const [eventTypes, stateKeys] = [new Set<string>(), new Set<string>()];
  for (const { type, sender, stateKey } of events) {
    yield;
    eventTypes.add(type);
    stateKeys.add(sender);
    if (stateKey !== undefined) stateKeys.add(stateKey);
  }
  return { eventTypes, stateKeys };
}

/**
 * Returns the NIDs of texts. Assigns new NIDs to texts that have none. Sorts the texts first, so that two transactions that add
 * the same texts cannot deadlock.
 */
async function assignAll(
  transaction: Knex.Transaction,
  dictionary: keyof Texts,
  texts: ReadonlySet<string>,
): Promise<Map<string, number>> {
  const ordered = await inSlices(sorted([...texts], (a, b) => (a < b ? -1 : Number(a > b))));
  const nids = new Map<string, number>();
  for (const batch of batchesOf(ordered)) {
    const assigned = await assignNids(transaction, { [dictionary]: batch });
    for (const [text, nid] of assigned[dictionary]) nids.set(text, nid);
  }
  return nids;
}
