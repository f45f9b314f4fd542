import { z } from 'zod';
import { type ClientEvent, clientEventOf } from '../matrix/client-event.ts';
import { listCurrentState } from '../storage/syncapi/current-state.ts';
import { defineOperation } from './define-operation.ts';
import { requireShownRoom } from './shown-room.ts';

/** A room's current state, as clients are shown events. Synapse: `GET /_synapse/admin/v1/rooms/{roomId}/state`. */
export const getRoomState = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({
    roomId: z.string(),
    /** @defaultValue all types */
    type: z.string().max(255).optional(),
  }),
  run: async ({ db }, { roomId, type }): Promise<ClientEvent[]> => {
    const room = await requireShownRoom(db, roomId);
    const now = Date.now();
    return (await listCurrentState(db, room, type)).map(({ eventId, event }) =>
      clientEventOf(event, { eventId, roomId: room, now }),
    );
  },
});
