import { isRecord } from '../../matrix/index.ts';
import type { StoredSyncEvent, TimelineEvent } from '../storage/sync-events.ts';

/** An event in an answer of `/sync`. */
export type SyncEvent = Readonly<Record<string, unknown>>;

const FIELDS = ['type', 'sender', 'content', 'origin_server_ts', 'state_key', 'redacts'];
const STRIPPED_FIELDS = ['type', 'sender', 'content', 'state_key'];

const pick = (event: Readonly<Record<string, unknown>>, fields: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(fields.filter((field) => event[field] !== undefined).map((field) => [field, event[field]]));

/**
 * Converts an event to the format of the Client-Server API, and adds its age at the time `now` to `unsigned`. The result has no
 * room id, because the answer of `/sync` has the room id as the key of the room.
 */
export function clientForm({ eventId, event }: StoredSyncEvent, now: number): SyncEvent {
  const { origin_server_ts: sentAt } = event;
  const unsigned = { ...(isRecord(event.unsigned) && event.unsigned), age: now - Number(sentAt ?? now) };
  return { ...pick(event, FIELDS), event_id: eventId, unsigned };
}

/**
 * Converts an event of a timeline as `clientForm()` does. If the login with this session id has sent the event, adds the
 * transaction id with which it was sent.
 */
export function timelineForm(event: TimelineEvent, sessionId: number, now: number): SyncEvent {
  const form = clientForm(event, now);
  if (event.sentBy?.sessionId !== sessionId) return form;
  return {
    ...form,
    unsigned: { ...(isRecord(form.unsigned) && form.unsigned), transaction_id: event.sentBy.transactionId },
  };
}

/** Returns the fields of a state event that users outside of the room may see. Source: Client-Server API, "Stripped state". */
export const strippedForm = ({ event }: Pick<StoredSyncEvent, 'event'>): SyncEvent => pick(event, STRIPPED_FIELDS);
