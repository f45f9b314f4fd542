import type { EventId, RoomId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { findEdits, findOriginals } from '../storage/plugin/search-changes.ts';
import { encryptedRooms, loadEvents, type OutputEvent } from '../storage/syncapi/output-room-events.ts';
import { documentsOfEdited, ENCRYPTION_TYPE, isEdit } from './document.ts';
import type { SearchWrites } from './search-index.ts';

/**
 * Computes from the database what the search index must contain for the given events, for the events that they edit, and for
 * all edits of these events. Encrypted rooms must have no documents. The result depends only on the current database, so
 * changes may arrive in any order.
 * @param version `SearchWrites.version` of the result. The caller must draw the version before this call. Then a result with a
 * larger version never describes an earlier state of the database. 0 for an index in PostgreSQL, which needs no version.
 */
export async function deriveWrites(db: Db, eventIds: readonly EventId[], version = 0): Promise<SearchWrites> {
  const known = await findOriginals(db, eventIds);
  const originals = [...new Set([...eventIds, ...known.map(({ original }) => original)])];
  const editIds = new Map<EventId, EventId[]>(originals.map((id) => [id, []]));
  for (const { edit, original } of await findEdits(db, originals)) editIds.get(original)?.push(edit);
  const edits = new Set([...editIds.values()].flat());

  const affected = [...new Set([...originals, ...edits])].sort();
  const events = new Map((await loadEvents(db, affected)).map((event) => [event.eventId, event]));
  const encrypted = await encryptedRooms(db, [...new Set([...events.values()].map(({ roomId }) => roomId))]);

  const upserts = originals
    .flatMap((id) => documentsOfEdited(events.get(id), eventsOf(events, editIds.get(id) ?? [])))
    .filter(({ roomId }) => !encrypted.has(roomId));
  const kept = new Set(upserts.map(({ eventId }) => eventId));
  // `affected` may contain an edit only because other edits name it as their original. The document of such an edit belongs to
  // the event that the edit itself edits. That event is not in `affected`, so the document stays.
  const isDecided = (id: EventId): boolean => {
    const event = events.get(id);
    return edits.has(id) || event === undefined || !isEdit(event);
  };
  return {
    upserts: upserts.sort((a, b) => (a.eventId < b.eventId ? -1 : 1)),
    removals: affected.filter((id) => !kept.has(id) && isDecided(id)),
    removedRooms: [...turnedEncrypted(events.values())].filter((roomId) => encrypted.has(roomId)),
    version,
  };
}

function eventsOf(events: ReadonlyMap<EventId, OutputEvent>, ids: readonly EventId[]): OutputEvent[] {
  return ids.map((id) => events.get(id)).filter((event) => event !== undefined);
}

function turnedEncrypted(events: Iterable<OutputEvent>): Set<RoomId> {
  return new Set([...events].filter(({ type }) => type === ENCRYPTION_TYPE).map(({ roomId }) => roomId));
}
