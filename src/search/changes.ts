import type { AppliedEvent } from '../host.ts';
import type { EventId } from '../ids.ts';
import type { Edit } from '../storage/plugin/search-changes.ts';
import { ENCRYPTION_TYPE, editedEventId, SEARCHABLE, storableEventId } from './document.ts';

/** What the writing of new events may change in the search index. An event's document is its entry in the search index. */
export interface Changes {
  /**
   * Events whose documents may change: searchable events and encryption events among the new events, and all events of
   * `redacted`.
   */
  readonly eventIds: readonly EventId[];
  /** The edits among the new events, each with the event that it edits. */
  readonly edits: readonly Edit[];
  /** Events that the new events may have redacted. */
  readonly redacted: readonly EventId[];
}

/**
 * Finds which search documents may change when new events are written. Only searchable events, redactions and
 * `m.room.encryption` change documents.
 */
export function changesOf(events: readonly AppliedEvent[]): Changes {
  const eventIds = new Set<EventId>();
  const edits: Edit[] = [];
  const redacted: EventId[] = [];
  for (const event of events) {
    const id = event.event_id as EventId;
    if (event.type === 'm.room.redaction') {
      redacted.push(...redactedEventIds(event));
    } else if (Object.hasOwn(SEARCHABLE, event.type) || event.type === ENCRYPTION_TYPE) {
      eventIds.add(id);
      const original = editedEventId(event.type, event.content);
      if (original !== undefined) edits.push({ edit: id, original });
    }
  }
  return { eventIds: [...new Set([...eventIds, ...redacted])], edits, redacted };
}

/**
 * Returns the ids of the events that a redaction may redact. Room version 11 moved `redacts` into the content, and some servers
 * write both fields.
 */
function redactedEventIds({ redacts, content }: AppliedEvent): EventId[] {
  return [redacts, content.redacts].map(storableEventId).filter((id) => id !== undefined);
}
