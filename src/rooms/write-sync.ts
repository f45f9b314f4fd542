import type { Knex } from 'knex';
import { isEventId, type ServerName, splitUserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { EventJson } from '../matrix/room-version.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import {
  insertRelations,
  insertSyncEvents,
  insertSyncInvites,
  type NewSyncState,
  retireSyncInvites,
  upsertCurrentState,
  upsertSyncMemberships,
} from '../storage/syncapi/room-events.ts';
import type { ChainLink } from './event-chain.ts';
import type { WrittenChain } from './write-chain.ts';
import { answeredInvites, lastOfEach, memberLinks } from './write-memberships.ts';

/** The relations whose events aggregate on the event they relate to. */
const AGGREGATED: readonly unknown[] = ['m.annotation', 'm.replace'];
/** In the order of Dendrite's numbers, from 1 on. */
const HISTORY_VISIBILITY: readonly unknown[] = ['world_readable', 'shared', 'invited', 'joined'];
const SHARED = 2;

/** An event as the tables of `/sync` and the federation queue hold it. */
export function headeredJson(event: EventJson, eventId: string, { version }: Pick<StoredRoom, 'version'>): string {
  return JSON.stringify({ ...event, _room_version: version, _event_id: eventId });
}

/** The event, with what clients are told of the state that it has replaced. */
function withReplaced({ replaces, stored: { event } }: ChainLink): EventJson {
  if (replaces === undefined) return event;
  const { content, sender } = replaces.event;
  const unsigned = { prev_content: content, prev_sender: sender, replaces_state: replaces.eventId };
  return { ...event, unsigned: { ...(isRecord(event.unsigned) && event.unsigned), ...unsigned } };
}

/** Writes a chain into the tables that `/sync` reads. */
export async function writeSync(
  transaction: Knex.Transaction,
  { room, links }: WrittenChain,
  { localServerNames }: { readonly localServerNames: readonly ServerName[] },
): Promise<void> {
  const { roomId } = room;
  const members = memberLinks(links);
  const membershipOf = new Map(members.map(({ link, membership }) => [link, membership]));
  const events = links.map((link) => {
    const { draft, stored } = link;
    const visibility = HISTORY_VISIBILITY.indexOf(link.historyVisibility);
    return {
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
  await retireSyncInvites(transaction, roomId, answeredInvites(members));
  const pending = lastOfEach(members).filter(
    ({ membership, before, userId }) =>
      membership === 'invite' && before !== 'invite' && localServerNames.includes(splitUserId(userId).serverName),
  );
  await insertSyncInvites(
    transaction,
    roomId,
    pending.map(({ link, userId }) => ({
      eventId: link.stored.eventId,
      userId,
      headeredJson: headeredJson(link.stored.event, link.stored.eventId, room),
    })),
  );
  const streamIds = await insertSyncEvents(transaction, roomId, events);
  const state = events.flatMap((event, i): NewSyncState[] =>
    event.stateKey === undefined ? [] : [{ ...event, stateKey: event.stateKey, streamId: streamIds[i] ?? Number.NaN }],
  );
  const current = new Map(state.map((event) => [`${event.type}\0${event.stateKey}`, event]));
  await upsertCurrentState(transaction, roomId, [...current.values()]);
  const memberships = new Map(
    state.flatMap(({ stateKey, membership, eventId, streamId, depth }) =>
      membership === undefined
        ? []
        : [[`${stateKey}\0${membership}`, { userId: stateKey, membership, eventId, streamId, depth }] as const],
    ),
  );
  await upsertSyncMemberships(transaction, roomId, [...memberships.values()]);
  await insertRelations(transaction, roomId, links.flatMap(relationOf));
}

function relationOf({
  draft,
  stored,
}: ChainLink): { eventId: string; childEventId: ChainLink['stored']['eventId']; childType: string; relType: string }[] {
  const relation = draft.content['m.relates_to'];
  if (!isRecord(relation) || !AGGREGATED.includes(relation.rel_type)) return [];
  const { event_id: eventId, rel_type: relType } = relation;
  if (typeof eventId !== 'string' || !isEventId(eventId) || typeof relType !== 'string') return [];
  return [{ eventId, childEventId: stored.eventId, childType: draft.type, relType }];
}
