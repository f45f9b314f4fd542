import { type EventId, isEventId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { EventContent, StoredEvent } from '../storage/syncapi/output-room-events.ts';
import type { SearchDocument, SearchKey } from './search-index.ts';
import { beginningOf, MAX_TEXT_LENGTH } from './tokenizer.ts';

/** The searchable event types, and the content field that is indexed. The same as in Dendrite's index. */
export const SEARCHABLE: Readonly<Record<string, { readonly field: string; readonly key: SearchKey }>> = {
  'm.room.message': { field: 'body', key: 'content.body' },
  'm.room.name': { field: 'name', key: 'content.name' },
  'm.room.topic': { field: 'topic', key: 'content.topic' },
};

export const SEARCHABLE_TYPES: readonly string[] = Object.keys(SEARCHABLE);
export const ENCRYPTION_TYPE = 'm.room.encryption';

type Content = Readonly<Record<string, unknown>>;

/**
 * The id of the event that a message edits, if it has a replacement to show.
 * Matrix specification, Client-Server API, "Event replacements".
 */
export function editedEventId(type: string, content: Content): EventId | undefined {
  const relation = content['m.relates_to'];
  if (type !== 'm.room.message' || !isRecord(relation) || relation.rel_type !== 'm.replace') return undefined;
  const replacement = content['m.new_content'];
  if (!isRecord(replacement) || typeof replacement.body !== 'string') return undefined;
  return storableEventId(relation.event_id);
}

/** An event id taken from another server's event, or `undefined` if it is no event id that PostgreSQL can store. */
export function storableEventId(value: unknown): EventId | undefined {
  return typeof value === 'string' && isEventId(value) && value.isWellFormed() ? value : undefined;
}

/** A text as it is indexed: well-formed, without NUL, cut at `MAX_TEXT_LENGTH`. `undefined` if the value is blank or no text. */
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

/** The document of an event, regardless of edits. */
export function plainDocumentOf(event: EventContent): SearchDocument | undefined {
  return documentOf(event, event.content);
}

function editDocumentOf(edit: StoredEvent): SearchDocument | undefined {
  const replacement = edit.content['m.new_content'];
  return isRecord(replacement) ? documentOf(edit, replacement) : undefined;
}

/** Whether an event is an edit: a message that replaces another. */
export function isEdit({ type, content }: Pick<StoredEvent, 'type' | 'content'>): boolean {
  return editedEventId(type, content) !== undefined;
}

/** Whether the specification lets `edit` replace `original`. */
function isValidEdit(original: StoredEvent, edit: StoredEvent): boolean {
  return (
    edit.sender === original.sender &&
    edit.roomId === original.roomId &&
    edit.type === original.type &&
    !edit.isState &&
    !original.isState &&
    !isEdit(original)
  );
}

/** The later of two edits by `origin_server_ts`, then by event id, as in the specification. */
function laterOf(a: StoredEvent, b: StoredEvent): StoredEvent {
  if (a.originServerTs !== b.originServerTs) return a.originServerTs > b.originServerTs ? a : b;
  return a.eventId > b.eventId ? a : b;
}

/**
 * The documents of an event and its edits. Only the latest valid edit is searchable, under its own id and with its new
 * content; edits of a redacted event are not. An edit of an event that is not known here, or is of no searchable type and
 * so never heard of, counts as valid for its sender. What the specification does not accept as an edit is a message like
 * any other. The document of an event that is an edit itself is not among these: it belongs to the event that it edits.
 */
export function documentsOfEdited(event: StoredEvent | undefined, edits: readonly StoredEvent[]): SearchDocument[] {
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

function latestOfEachSender(edits: readonly StoredEvent[]): StoredEvent[] {
  const latest = new Map<string, StoredEvent>();
  for (const edit of edits) {
    const key = `${edit.roomId} ${edit.sender}`;
    latest.set(key, laterOf(latest.get(key) ?? edit, edit));
  }
  return [...latest.values()];
}
