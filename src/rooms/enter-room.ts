import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import type { RoomId } from '../ids.ts';
import type { CheckedEvent } from '../matrix/check-event.ts';
import { roomVersionOf } from '../matrix/room-version.ts';
import { isPurging } from '../storage/plugin/purges.ts';
import { insertPreviousEvents } from '../storage/roomserver/events.ts';
import { insertRoom, lockRoom } from '../storage/roomserver/rooms.ts';
import { writeTogether } from '../storage/write-together.ts';
import type { DownloadedState } from './fetch-state.ts';
import { placeEvent, refusalBy } from './receive-event.ts';
import { replaceRoomState } from './replace-state.ts';
import { replaceSyncState } from './replace-sync-state.ts';
import { writeChain } from './write-chain.ts';
import type { ChainSettings } from './written-chain.ts';

/** A room without local users that a local user has joined through another server. */
export interface EnteredRoom {
  readonly roomId: RoomId;
  readonly version: string;
  /**
   * The room's state before the join, and the auth events of this state. The caller has verified the signatures of these
   * events, and has checked the events by the authorisation rules.
   */
  readonly downloaded: DownloadedState;
  readonly join: CheckedEvent;
}

/**
 * Stores a room that a user has joined through another server: the room's state, and the join as its newest event. The join is
 * not queued for other servers, because the server that handled the join sends it to the other servers in the room. Source:
 * Server-Server API, "Joining Rooms".
 * @throws MatrixError `M_FORBIDDEN` if the state does not let the user join, `M_BAD_STATE` while the room is being purged
 */
export async function enterRoom(
  transaction: Knex.Transaction,
  { roomId, version, downloaded, join }: EnteredRoom,
  settings: ChainSettings,
): Promise<void> {
  // The room may already have a row. An invite creates a row, and a room keeps its row when the last local user leaves it.
  const room = (await insertRoom(transaction, roomId, version)) ?? (await lockRoom(transaction, roomId));
  if (room === undefined || (await isPurging(transaction, roomId))) {
    throw new MatrixError('M_BAD_STATE', 'the room is being purged');
  }
  const rules = roomVersionOf(version);
  const state = await replaceRoomState(transaction, room, downloaded, settings);
  const reason = refusalBy(state.events, join, rules);
  if (reason !== undefined) throw new MatrixError('M_FORBIDDEN', reason);
  const link = await placeEvent(transaction, state, join, [], rules);
  const entered = { ...room, latestEventNids: [] };
  await writeChain(transaction, entered, state, [link], { ...settings, isTold: () => false });
  const previous = join.prevEventIds.map((id) => ({ previous: id, eventNid: link.stored.eventNid }));
  await writeTogether(transaction, insertPreviousEvents(previous));
  const others = downloaded.state.filter(({ type, stateKey }) => type !== join.type || stateKey !== join.stateKey);
  await replaceSyncState(transaction, room, [...others, join], join.eventId, settings.localServerNames);
}
