import { isEventId, type ServerName, splitUserId } from '../ids.ts';
import { isRecord, toJson } from '../json.ts';
import type { EventJson } from '../matrix/room-version.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import {
  insertRelations,
  insertSyncEvents,
  insertSyncInvites,
  type NewSyncEvent,
  type NewSyncState,
  retireSyncInvites,
  upsertCurrentState,
  upsertSyncMemberships,
} from '../storage/syncapi/room-events.ts';
import type { Write } from '../storage/write-together.ts';
import type { ChainLink } from './event-chain.ts';
import { answeredInvites, lastOfEach, memberLinks } from './membership-writes.ts';
import type { WrittenChain } from './written-chain.ts';

/** Maximum length of a stored relation type, in bytes. The index of the table of relations cannot store very long texts. */
const MAX_REL_TYPE = 255;
/** History visibilities in the order of the numbers that Dendrite stores. `world_readable` has number 1. */
const HISTORY_VISIBILITY: readonly unknown[] = ['world_readable', 'shared', 'invited', 'joined'];
const SHARED = 2;

/** Returns an event's JSON in the form that the tables of `/sync` and the federation queue store. */
export function headeredJson(event: EventJson, eventId: string, { version }: Pick<StoredRoom, 'version'>): string {
  return toJson({ ...event, _room_version: version, _event_id: eventId });
}

/**
 * Returns the event of a link. If the event replaces a state event, adds the content, sender and id of the replaced event to
 * its `unsigned` data.
 */
function withReplaced({ replaces, stored: { event } }: ChainLink): EventJson {
  if (replaces === undefined) return event;
  const { content, sender } = replaces.event;
  const unsigned = { prev_content: content, prev_sender: sender, replaces_state: replaces.eventId };
  return { ...event, unsigned: { ...(isRecord(event.unsigned) && event.unsigned), ...unsigned } };
}

/**
 * Returns the statements that store a chain of new events in the tables of `/sync`: the events themselves, and their effects on
 * the current state, the memberships, the invites and the relations.
 */
export function syncWrites(
  { room, links }: WrittenChain,
  { localServerNames }: { readonly localServerNames: readonly ServerName[] },
): Write[] {
  const { roomId } = room;
  const members = memberLinks(links);
  const membershipOf = new Map(members.map(({ link, membership }) => [link, membership]));
  const events = links.map((link): NewSyncEvent => {
    const { draft, stored, ids } = link;
    const visibility = HISTORY_VISIBILITY.indexOf(link.historyVisibility);
    return {
      streamId: ids.streamId,
      eventId: stored.eventId,
      type: draft.type,
      sender: draft.sender,
      stateKey: draft.stateKey,
      membership: membershipOf.get(link),
      containsUrl: Object.hasOwn(draft.content, 'url'),
      depth: stored.depth,
      replaces: link.replaces?.eventId,
      historyVisibility: visibility < 0 ? SHARED : visibility + 1,
      sessionId: draft.request?.sessionId,
      transactionId: draft.request?.transactionId,
      headeredJson: headeredJson(withReplaced(link), stored.eventId, room),
    };
  });
  const pending = lastOfEach(members).filter(
    ({ membership, before, userId }) =>
      membership === 'invite' && before !== 'invite' && localServerNames.includes(splitUserId(userId).serverName),
  );
  const invites = pending.map(({ link, userId }) => ({
    eventId: link.stored.eventId,
    userId,
    headeredJson: headeredJson(link.stored.event, link.stored.eventId, room),
  }));
  const state = events.flatMap((event): NewSyncState[] =>
    event.stateKey === undefined ? [] : [{ ...event, stateKey: event.stateKey }],
  );
  const current = new Map(state.map((event) => [`${event.type}\0${event.stateKey}`, event]));
  const memberships = new Map(
    state.flatMap(({ stateKey, membership, eventId, streamId, depth }) =>
      membership === undefined
        ? []
        : [[`${stateKey}\0${membership}`, { userId: stateKey, membership, eventId, streamId, depth }] as const],
    ),
  );
  return [
    ...retireSyncInvites(roomId, answeredInvites(members)),
    ...insertSyncInvites(roomId, invites),
    ...insertSyncEvents(roomId, events),
    ...upsertCurrentState(roomId, [...current.values()]),
    ...upsertSyncMemberships(roomId, [...memberships.values()]),
    ...insertRelations(roomId, links.flatMap(relationOf)),
  ];
}

/** Returns the relation of an event to another one, for `/relations`. As in Dendrite, the relation may have any type. */
function relationOf({
  draft,
  stored,
}: ChainLink): { eventId: string; childEventId: ChainLink['stored']['eventId']; childType: string; relType: string }[] {
  const relation = draft.content['m.relates_to'];
  if (!isRecord(relation) || draft.type === 'm.room.redaction') return [];
  const { event_id: eventId, rel_type: relType } = relation;
  if (!isStorable(eventId) || !isEventId(eventId) || !isStorable(relType)) return [];
  return [{ eventId, childEventId: stored.eventId, childType: draft.type, relType }];
}

const isStorable = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && !value.includes('\0') && Buffer.byteLength(value) <= MAX_REL_TYPE;
