import { type EventId, isEventId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { StoredEvent } from '../storage/syncapi/output-room-events.ts';
import type { SearchDocument, SearchKey } from './search-index.ts';
import { beginningOf, MAX_TEXT_LENGTH } from './tokenizer.ts';

/** Which event types are searchable, by which field of their content; as Dendrite's index. */
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

/** An event id that somebody else's event names, if PostgreSQL can hold it: it may be anything. */
export function storableEventId(value: unknown): EventId | undefined {
  return typeof value === 'string' && isEventId(value) && value.isWellFormed() ? value : undefined;
}

/** Text as it is indexed: well-formed, without NUL, cut at `MAX_TEXT_LENGTH`; `undefined` for what is blank or no text. */
export function searchableText(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = beginningOf(value, MAX_TEXT_LENGTH).toWellFormed().replaceAll('\0', ' ');
  return text.trim() === '' ? undefined : text;
}

function documentOf(event: StoredEvent, content: Content): SearchDocument | undefined {
  const searchable = Object.hasOwn(SEARCHABLE, event.type) ? SEARCHABLE[event.type] : undefined;
  const text = searchable && searchableText(content[searchable.field]);
  if (searchable === undefined || text === undefined) return undefined;
  const { eventId, roomId, sender, streamPosition } = event;
  return { eventId, roomId, sender, streamPosition, key: searchable.key, text };
}

/** The document of an event that is looked at by itself. */
export function plainDocumentOf(event: StoredEvent): SearchDocument | undefined {
  return documentOf(event, event.content);
}

function editDocumentOf(edit: StoredEvent): SearchDocument | undefined {
  const replacement = edit.content['m.new_content'];
  return isRecord(replacement) ? documentOf(edit, replacement) : undefined;
}

/** Whether the specification lets `edit` replace `original`. */
function isValidEdit(original: StoredEvent, edit: StoredEvent): boolean {
  return (
    edit.sender === original.sender &&
    edit.roomId === original.roomId &&
    edit.type === original.type &&
    !edit.isState &&
    !original.isState &&
    editedEventId(original.type, original.content) === undefined
  );
}

/** Later by `origin_server_ts`, then by event id, as the specification orders edits. */
function isLater(a: StoredEvent, b: StoredEvent): boolean {
  return a.originServerTs === b.originServerTs ? a.eventId > b.eventId : a.originServerTs > b.originServerTs;
}

/**
 * The documents of an event and its edits. Only the latest valid edit is searchable, under its own id and with its new
 * content; edits of a redacted event are not. An edit of an event that is not known here counts as valid for its sender.
 * What the specification does not accept as an edit is a message like any other.
 */
export function documentsOfEdited(original: StoredEvent | undefined, edits: readonly StoredEvent[]): SearchDocument[] {
  const genuine = edits.filter((edit) => editedEventId(edit.type, edit.content) !== undefined);
  const valid = original === undefined ? genuine : genuine.filter((edit) => isValidEdit(original, edit));
  const invalid = genuine.filter((edit) => !valid.includes(edit));
  const documents = invalid.map(plainDocumentOf);
  if (original === undefined) {
    const latest = new Map<UserId, StoredEvent>();
    for (const edit of valid) {
      const known = latest.get(edit.sender);
      if (known === undefined || isLater(edit, known)) latest.set(edit.sender, edit);
    }
    documents.push(...[...latest.values()].map(editDocumentOf));
  } else {
    const unedited = plainDocumentOf(original);
    const [first, ...others] = valid;
    const latest = first && others.reduce((later, edit) => (isLater(edit, later) ? edit : later), first);
    if (unedited !== undefined) documents.push((latest && editDocumentOf(latest)) ?? unedited);
  }
  return documents.filter((document) => document !== undefined);
}
