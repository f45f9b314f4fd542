import type { Knex } from 'knex';
import type { RoomId } from '../../ids.ts';

/** Publishes a room in the homeserver's room directory. */
export async function publishRoom(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  await transaction.raw(
    `INSERT INTO public.roomserver_published (room_id, appservice_id, network_id, published) VALUES (?, '', '', true)
     ON CONFLICT (room_id, appservice_id, network_id) DO UPDATE SET published = true`,
    [roomId],
  );
}

/** Removes a room from all room directories of the homeserver, including the directories of application services. */
export async function unpublishRoom(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  await transaction.raw('UPDATE public.roomserver_published SET published = false WHERE room_id = ? AND published', [
    roomId,
  ]);
}
