import { MatrixError } from '../../errors.ts';
import { requiredLevelToSend } from '../../matrix/power-levels.ts';
import { findSender, readGovernance } from '../../rooms/governance.ts';
import { requireRoom } from '../../rooms/room-writer.ts';
import { type ForwardExtremity, readForwardExtremities } from '../../storage/roomserver/forward-extremities.ts';
import { isRoomShown } from '../../storage/roomserver/room-summaries.ts';
import { findRoom } from '../../storage/roomserver/rooms.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { appendAll } from './append-all.ts';
import { resolveRoomId, roomIdOrAliasInput } from './room-id-input.ts';

/** Maximum number of forward extremities in an answer. */
const MAX_SHOWN = 1_000;

/**
 * Lists the forward extremities of a room, and their total number. Forward extremities are the events that no other event
 * follows yet. Returns at most 1000 of these events, deepest first. The list is empty for an unknown room id. Synapse's route
 * is `GET /_synapse/admin/v1/rooms/{roomIdOrAlias}/forward_extremities`.
 * @throws MatrixError `M_NOT_FOUND` if no room has the alias
 */
export const listForwardExtremities = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room, or a local alias of the room. */
    roomId: roomIdOrAliasInput,
  }),
  resolve: resolveRoomId,
  run: async ({ db }, { roomId }): Promise<{ total: number; extremities: ForwardExtremity[] }> => {
    const room = (await isRoomShown(db, roomId)) ? await findRoom(db, roomId) : undefined;
    const { latestEventNids = [] } = room ?? {};
    return {
      total: latestEventNids.length,
      extremities: await readForwardExtremities(db, latestEventNids, MAX_SHOWN),
    };
  },
});

/** Maximum number of events that one call adds to a room. Each event follows up to 20 forward extremities. */
const MAX_EVENTS = 100;
/** Type of the added events. Clients do not show events of this type. Synapse uses the type for the same purpose. */
const TYPE = 'org.matrix.dummy_event';

/**
 * Reduces the number of forward extremities of a room: adds events that follow these forward extremities. If the administrator
 * is in the room and has enough power, the administrator sends the events. Otherwise the local member with the most power sends
 * the events. A room with more than 1901 forward extremities needs several calls. Synapse's route is `DELETE
 * /_synapse/admin/v1/rooms/{roomIdOrAlias}/forward_extremities`. Unlike this operation, Synapse adds no events, but forgets all
 * forward extremities except one.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 * @throws MatrixError `M_FORBIDDEN` if no local user may send an event into the room
 * @throws MatrixError `M_BAD_STATE` if the room is being purged
 * @throws MatrixError 409 `M_BAD_STATE` if others keep adding events to the room during the call
 */
export const mergeForwardExtremities = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The room, or a local alias of the room. */
    roomId: roomIdOrAliasInput,
  }),
  resolve: resolveRoomId,
  target: ({ roomId }) => roomId,
  run: async (scope, { roomId }): Promise<{ deleted: number }> => {
    const { transaction, roomWriter, actor, localServerNames } = scope;
    let room = await requireRoom(transaction, roomId);
    const before = room.latestEventNids.length;
    if (before <= 1) return { deleted: 0 };
    const governance = await readGovernance(roomWriter.states, transaction, room);
    const sender = await findSender(transaction, room, governance, {
      serverNames: localServerNames,
      level: requiredLevelToSend(governance.power, governance.version, { type: TYPE }),
      preferred: actor.kind === 'user' ? actor.userId : undefined,
    });
    if (sender === undefined) throw new MatrixError('M_FORBIDDEN', 'no local user may send an event into the room');
    for (let events = 0; events < MAX_EVENTS && room.latestEventNids.length > 1; events += 1) {
      await appendAll(scope, roomId, [{ type: TYPE, sender, content: {} }]);
      room = await requireRoom(transaction, roomId);
    }
    return { deleted: before - room.latestEventNids.length };
  },
});
