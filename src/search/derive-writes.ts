import type { EventId, RoomId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { findEdits, findOriginals } from '../storage/plugin/search-changes.ts';
import { encryptedRooms, loadEvents, type StoredEvent } from '../storage/syncapi/output-room-events.ts';
import { documentsOfEdited, ENCRYPTION_TYPE } from './document.ts';
import type { SearchWrites } from './search-index.ts';

/**
 * What the index must hold of these events, read from the database as it is now. The index is a function of the stored
 * events: whatever happened to them, in whichever order it is heard of, this says what to write.
 */
export async function deriveWrites(db: Db, eventIds: readonly EventId[]): Promise<SearchWrites> {
  const known = await findOriginals(db, eventIds);
  const originalOf = new Map(known.map(({ edit, original }) => [edit, original]));
  const originals = [...new Set(eventIds.map((id) => originalOf.get(id) ?? id))];
  const editIds = new Map<EventId, EventId[]>(originals.map((id) => [id, []]));
  for (const { edit, original } of await findEdits(db, originals)) editIds.get(original)?.push(edit);

  const affected = [...new Set([...eventIds, ...originals, ...[...editIds.values()].flat()])];
  const events = new Map((await loadEvents(db, affected)).map((event) => [event.eventId, event]));
  const encrypted = await encryptedRooms(db, [...new Set([...events.values()].map(({ roomId }) => roomId))]);

  const upserts = originals
    .flatMap((id) => documentsOfEdited(events.get(id), eventsOf(events, editIds.get(id) ?? [])))
    .filter(({ roomId }) => !encrypted.has(roomId));
  const kept = new Set(upserts.map(({ eventId }) => eventId));
  return {
    upserts,
    removals: affected.filter((id) => !kept.has(id)),
    removedRooms: [...roomsTurnedEncrypted(events.values())],
  };
}

function eventsOf(events: ReadonlyMap<EventId, StoredEvent>, ids: readonly EventId[]): StoredEvent[] {
  return ids.map((id) => events.get(id)).filter((event) => event !== undefined);
}

function roomsTurnedEncrypted(events: Iterable<StoredEvent>): Set<RoomId> {
  return new Set(
    [...events].filter(({ type, isState }) => type === ENCRYPTION_TYPE && isState).map(({ roomId }) => roomId),
  );
}
