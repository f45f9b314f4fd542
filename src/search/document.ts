import { type EventId, isEventId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { EventContent, OutputEvent } from '../storage/syncapi/output-room-events.ts';
import { beginningOf, MAX_TEXT_LENGTH } from './analysis/tokens.ts';
import type { SearchDocument, SearchKey } from './search-index.ts';

/**
 * The searchable event types, each with the field of the content that is indexed, and the search key for this field. Dendrite's
 * index has the same types.
 */
export const SEARCHABLE: Readonly<Record<string, { readonly field: string; readonly key: SearchKey }>> = {
  'm.room.message': { field: 'body', key: 'content.body' },
  'm.room.name': { field: 'name', key: 'content.name' },
  'm.room.topic': { field: 'topic', key: 'content.topic' },
};

export const SEARCHABLE_TYPES: readonly string[] = Object.keys(SEARCHABLE);
export const ENCRYPTION_TYPE = 'm.room.encryption';

type Content = Readonly<Record<string, unknown>>;

/**
 * Returns the id of the event that an event edits. Returns `undefined` if the event is not an edit of a message, has no new
 * text, or names no valid event id. Source: Client-Server API, "Event replacements".
 */
export function editedEventId(type: string, content: Content): EventId | undefined {
  const relation = content['m.relates_to'];
  if (type !== 'm.room.message' || !isRecord(relation) || relation.rel_type !== 'm.replace') return undefined;
  const replacement = content['m.new_content'];
  if (!isRecord(replacement) || typeof replacement.body !== 'string') return undefined;
  return storableEventId(relation.event_id);
}

/** Returns a value from an event if the value is an event id that PostgreSQL can store. Returns `undefined` otherwise. */
export function storableEventId(value: unknown): EventId | undefined {
  return typeof value === 'string' && isEventId(value) && value.isWellFormed() ? value : undefined;
}

/**
 * Returns the part of a text that is indexed: well-formed, with spaces instead of NUL, cut at `MAX_TEXT_LENGTH`. Returns
 * `undefined` if the value is blank or not a string.
 */
export function searchableText(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = beginningOf(value, MAX_TEXT_LENGTH).toWellFormed().replaceAll('\0', ' ');
  return text.trim() === '' ? undefined : text;
}

function documentOf(event: EventContent, content: Content): SearchDocument | undefined {
  const searchable = Object.hasOwn(SEARCHABLE, event.type) ? SEARCHABLE[event.type] : undefined;
  const text = searchable && searchableText(content[searchable.field]);
  if (searchable === undefined || text === undefined) return undefined;
  const { eventId, roomId, sender, streamPosition } = event;
  return { eventId, roomId, sender, streamPosition, key: searchable.key, text };
}

/**
 * Returns an event's document for the search index, without regard to its edits. Returns `undefined` if the event has no
 * searchable text.
 */
export function plainDocumentOf(event: EventContent): SearchDocument | undefined {
  return documentOf(event, event.content);
}

function editDocumentOf(edit: OutputEvent): SearchDocument | undefined {
  const replacement = edit.content['m.new_content'];
  return isRecord(replacement) ? documentOf(edit, replacement) : undefined;
}

/** Tells whether an event is an edit: a message that replaces the content of another event. */
export function isEdit({ type, content }: Pick<OutputEvent, 'type' | 'content'>): boolean {
  return editedEventId(type, content) !== undefined;
}

/** Tells whether the specification lets `edit` replace `original`. */
function isValidEdit(original: OutputEvent, edit: OutputEvent): boolean {
  return (
    edit.sender === original.sender &&
    edit.roomId === original.roomId &&
    edit.type === original.type &&
    !edit.isState &&
    !original.isState &&
    !isEdit(original)
  );
}

/** Returns the later of two edits. As in the specification, `origin_server_ts` decides, and then the event id. */
function laterOf(a: OutputEvent, b: OutputEvent): OutputEvent {
  if (a.originServerTs !== b.originServerTs) return a.originServerTs > b.originServerTs ? a : b;
  return a.eventId > b.eventId ? a : b;
}

/**
 * Returns the search documents of an event and of its edits. Without valid edits, the event itself is searchable. With valid
 * edits, only the latest of them is searchable, under the id of the edit and with the new content. If the event has no text
 * (for example because it is redacted), its valid edits are not searchable. If the edited event is unknown (its type is not
 * searchable, or it was never stored), the latest edit of each sender in each room is searchable. A message that the
 * specification does not accept as an edit is indexed like any other message. If `event` is itself an edit, its document
 * belongs to the event that it edits, so the result does not contain this document.
 */
export function documentsOfEdited(event: OutputEvent | undefined, edits: readonly OutputEvent[]): SearchDocument[] {
  const original = event !== undefined && Object.hasOwn(SEARCHABLE, event.type) ? event : undefined;
  const genuine = edits.filter(isEdit);
  const valid = original === undefined ? genuine : genuine.filter((edit) => isValidEdit(original, edit));
  const documents = genuine.filter((edit) => !valid.includes(edit)).map(plainDocumentOf);
  if (original === undefined) {
    documents.push(...latestOfEachSender(valid).map(editDocumentOf));
  } else if (!isEdit(original)) {
    const unedited = plainDocumentOf(original);
    const [first, ...others] = valid;
    const latest = first && others.reduce(laterOf, first);
    if (unedited !== undefined) documents.push(latest === undefined ? unedited : editDocumentOf(latest));
  }
  return documents.filter((document) => document !== undefined);
}

function latestOfEachSender(edits: readonly OutputEvent[]): OutputEvent[] {
  const latest = new Map<string, OutputEvent>();
  for (const edit of edits) {
    const key = `${edit.roomId} ${edit.sender}`;
    latest.set(key, laterOf(latest.get(key) ?? edit, edit));
  }
  return [...latest.values()];
}
