import type { Knex } from 'knex';
import { MatrixError } from '../../errors.ts';
import type { AppliedEvent, SigningKey } from '../../host.ts';
import type { EventId, RoomId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { buildEvent } from '../../matrix/build-event.ts';
import { type PowerState, powerLevelOf, requiredLevelToSend } from '../../matrix/power-levels.ts';
import type { Device } from '../storage/devices.ts';
import { insertRoomEvent } from '../storage/room-events.ts';
import { type LockedRoom, lockRoom, readLatestEvents, readState, type StoredRoomEvent } from '../storage/rooms.ts';

/** A room that is locked for a member of it, with the state that decides what the member may do. */
export interface RoomTurn {
  readonly room: LockedRoom;
  readonly device: Device;
  readonly power: PowerState;
  /** What authorises the member's messages, as the specification orders it. */
  readonly authEvents: readonly StoredRoomEvent[];
  readonly historyVisibility: number;
}

interface MessageDraft {
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly redacts?: EventId;
  readonly transactionId: string;
}

/** The specification's limit of `prev_events`. */
const MAX_PREV_EVENTS = 20;
const HISTORY_VISIBILITY: readonly unknown[] = ['world_readable', 'shared', 'invited', 'joined'];
const DEFAULT_HISTORY_VISIBILITY = 2;

const fieldOf = (event: StoredRoomEvent | undefined, key: string): unknown =>
  isRecord(event?.event.content) ? event.event.content[key] : undefined;

/**
 * Locks a room for somebody who is in it.
 * @throws MatrixError `M_FORBIDDEN` for everybody else, whether the room exists or not.
 */
export async function takeTurn(transaction: Knex.Transaction, roomId: RoomId, device: Device): Promise<RoomTurn> {
  const room = await lockRoom(transaction, roomId);
  const state =
    room &&
    (await readState(transaction, room, [
      ['m.room.create', ''],
      ['m.room.power_levels', ''],
      ['m.room.member', device.userId],
      ['m.room.history_visibility', ''],
    ]));
  const create = state?.get('m.room.create');
  const member = state?.get('m.room.member');
  if (room === undefined || create === undefined || member === undefined || fieldOf(member, 'membership') !== 'join') {
    throw new MatrixError('M_FORBIDDEN', 'You are not in this room');
  }
  const powerLevels = state?.get('m.room.power_levels');
  const visibility = HISTORY_VISIBILITY.indexOf(fieldOf(state?.get('m.room.history_visibility'), 'history_visibility'));
  return {
    room,
    device,
    power: { create: create.event, powerLevels: powerLevels?.event },
    authEvents: [create, powerLevels, member].filter((event) => event !== undefined),
    historyVisibility: visibility < 0 ? DEFAULT_HISTORY_VISIBILITY : visibility + 1,
  };
}

/**
 * Builds, signs and writes a message event on the room's forward extremities. Other servers are not told of it: this
 * homeserver does not federate.
 * @throws MatrixError `M_FORBIDDEN` when the sender's power level is too low, and as `buildEvent()`.
 */
export async function appendEvent(
  transaction: Knex.Transaction,
  turn: RoomTurn,
  { type, content, redacts, transactionId }: MessageDraft,
  signingKey: SigningKey,
): Promise<AppliedEvent & { readonly event_id: EventId }> {
  const { room, device, power, authEvents, historyVisibility } = turn;
  if (powerLevelOf(power, room.version, device.userId) < requiredLevelToSend(power, room.version, { type })) {
    throw new MatrixError('M_FORBIDDEN', `Your power level is too low to send ${type}`);
  }
  const prevEvents = await readLatestEvents(transaction, room, MAX_PREV_EVENTS);
  const depth = Math.max(0, ...prevEvents.map((event) => event.depth)) + 1;
  const common = { sender: device.userId, type, content, depth, prevEvents };
  const draft = {
    ...common,
    roomId: room.roomId,
    originServerTs: Date.now(),
    authEvents: room.version.privilegedCreators ? authEvents.slice(1) : authEvents,
    ...(redacts !== undefined && { redacts }),
  };
  const built = buildEvent(draft, room.version, signingKey);
  await insertRoomEvent(transaction, room, {
    ...common,
    ...built,
    authEvents,
    historyVisibility,
    device,
    transactionId,
  });
  return {
    event_id: built.eventId,
    room_id: room.roomId,
    type,
    content,
    ...(redacts !== undefined && { redacts }),
  };
}
