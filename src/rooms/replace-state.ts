import type { Knex } from 'knex';
import { type EventId, type ServerName, splitUserId } from '../ids.ts';
import { stateName } from '../matrix/auth-events.ts';
import { canonicalJson } from '../matrix/canonical-json.ts';
import type { CheckedEvent } from '../matrix/check-event.ts';
import { allocateEventNids } from '../storage/allocate-ids.ts';
import { replaceJoinedHosts } from '../storage/federation/joined-hosts.ts';
import { deleteOtherMembers, isMembership, upsertMemberships } from '../storage/roomserver/membership.ts';
import { assignNids } from '../storage/roomserver/nids.ts';
import { findEventNids, insertOutliers } from '../storage/roomserver/outliers.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import { type NewSyncState, replaceCurrentState, upsertSyncMemberships } from '../storage/syncapi/room-events.ts';
import { writeTogether } from '../storage/write-together.ts';
import type { DownloadedState } from './download-state.ts';
import { type RoomState } from './room-state.ts';
import { stateIndexKey, storeState } from './state-chain.ts';
import { headeredJson } from './sync-writes.ts';

const membershipOf = ({ type, content }: CheckedEvent): string | undefined =>
  type === 'm.room.member' && typeof content.membership === 'string' ? content.membership : undefined;

/**
 * Stores another server's state of a room, and makes it the state that the next event finds, with the memberships that
 * follow from it. The tables of `/sync` follow with that event: see `replaceSyncState()`.
 */
export async function replaceRoomState(
  transaction: Knex.Transaction,
  room: StoredRoom,
  { state, authChain }: Pick<DownloadedState, 'state' | 'authChain'>,
  { serverName }: { readonly serverName: ServerName },
): Promise<RoomState> {
  const all = [...new Map([...authChain, ...state].map((checked) => [checked.eventId, checked])).values()];
  const nids = await assignNids(transaction, {
    eventTypes: all.map(({ type }) => type),
    stateKeys: all.flatMap(({ stateKey, sender }) => [sender, ...(stateKey === undefined ? [] : [stateKey])]),
  });
  const nidOf = (text: string): number => nids.stateKeys.get(text) ?? Number.NaN;
  const typeNidOf = ({ type }: CheckedEvent): number => nids.eventTypes.get(type) ?? Number.NaN;

  const eventNids = await storeOutliers(transaction, room, all, typeNidOf, nidOf);
  const eventNidOf = ({ eventId }: CheckedEvent): number => eventNids.get(eventId) ?? Number.NaN;
  const stateNids = new Map(
    state.map((checked) => [stateIndexKey(typeNidOf(checked), nidOf(checked.stateKey ?? '')), eventNidOf(checked)]),
  );
  const stored = await storeState(transaction, room.roomNid, stateNids);

  const members = state.flatMap((checked) => {
    const membership = membershipOf(checked);
    const { stateKey, sender } = checked;
    if (stateKey === undefined || !isMembership(membership)) return [];
    const targetLocal = splitUserId(stateKey).serverName === serverName;
    const change = { targetNid: nidOf(stateKey), senderNid: nidOf(sender), membership, targetLocal };
    return [{ ...change, eventNid: eventNidOf(checked), eventId: checked.eventId, userId: stateKey }];
  });
  await deleteOtherMembers(
    transaction,
    room.roomNid,
    members.map(({ targetNid }) => targetNid),
  );
  await writeTogether(transaction, upsertMemberships(room.roomNid, members));
  const joined = members.filter(({ membership }) => membership === 'join');
  const hosts = joined.map(({ eventId, userId }) => ({ eventId, serverName: splitUserId(userId).serverName }));
  await replaceJoinedHosts(transaction, room.roomId, hosts);
  return {
    ...stored,
    nids,
    events: new Map(
      state.map((checked) => [
        stateName(checked.type, checked.stateKey ?? ''),
        { eventNid: eventNidOf(checked), eventId: checked.eventId, depth: checked.depth, event: checked.event },
      ]),
    ),
  };
}

/** Stores those that are not, and returns the NIDs of all. */
async function storeOutliers(
  transaction: Knex.Transaction,
  room: StoredRoom,
  all: readonly CheckedEvent[],
  typeNidOf: (checked: CheckedEvent) => number,
  nidOf: (text: string) => number,
): Promise<ReadonlyMap<EventId, number>> {
  const known = await findEventNids(
    transaction,
    all.map(({ eventId }) => eventId),
  );
  const missing = all.filter(({ eventId }) => !known.has(eventId)).sort((a, b) => a.depth - b.depth);
  const allocated = missing.length === 0 ? [] : await allocateEventNids(transaction, missing.length);
  const eventNids = new Map([
    ...known,
    ...missing.map(({ eventId }, i): [EventId, number] => [eventId, allocated[i] ?? Number.NaN]),
  ]);
  await insertOutliers(
    transaction,
    room.roomNid,
    missing.map((checked) => ({
      eventNid: eventNids.get(checked.eventId) ?? Number.NaN,
      eventId: checked.eventId,
      typeNid: typeNidOf(checked),
      stateKeyNid: checked.stateKey === undefined ? 0 : nidOf(checked.stateKey),
      depth: checked.depth,
      authEventNids: checked.authEventIds.map((id) => eventNids.get(id) ?? Number.NaN),
      json: canonicalJson(checked.event),
    })),
  );
  return eventNids;
}

/** Shows the state to clients, under the stream id of the event that carries it. */
export async function replaceSyncState(
  transaction: Knex.Transaction,
  room: StoredRoom,
  state: readonly CheckedEvent[],
  carrier: EventId,
): Promise<{ readonly added: number; readonly removed: number }> {
  const rows = state.map(
    (checked): Omit<NewSyncState, 'streamId'> => ({
      eventId: checked.eventId,
      type: checked.type,
      sender: checked.sender,
      stateKey: checked.stateKey ?? '',
      membership: membershipOf(checked),
      containsUrl: Object.hasOwn(checked.content, 'url'),
      depth: checked.depth,
      replaces: undefined,
      historyVisibility: 2,
      sessionId: undefined,
      transactionId: undefined,
      headeredJson: headeredJson(checked.event, checked.eventId, room),
    }),
  );
  const { streamId, added, removed } = await replaceCurrentState(transaction, room.roomId, rows, carrier);
  const memberships = rows.flatMap(({ stateKey, membership, eventId, depth }) =>
    membership === undefined ? [] : [{ userId: stateKey, membership, eventId, streamId, depth }],
  );
  await writeTogether(transaction, upsertSyncMemberships(room.roomId, memberships));
  return { added, removed };
}
