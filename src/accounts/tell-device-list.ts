import type { Knex } from 'knex';
import { type ServerName, splitUserId, type UserId } from '../ids.ts';
import { listHostsSharingRooms } from '../storage/federation/joined-hosts.ts';
import { enqueueEdus, listBlacklisted } from '../storage/federation/queue.ts';
import { noteKeyChange } from '../storage/keyserver/device-keys.ts';

const DEVICE_LIST_UPDATE = 'm.device_list_update';

/**
 * Tells the users who share a room with a local user which of the user's devices have changed. Local users learn about the
 * change from `/sync`. For other servers, the function queues the EDU `m.device_list_update`, except for servers on Dendrite's
 * blacklist. Source: Server-Server API, `m.device_list_update`.
 * @param updates the content of each update, without `user_id`, `stream_id` and `prev_id`
 * @param streamId stream id of the first update
 * @returns the servers for which the EDU was queued
 */
export async function tellDeviceList(
  transaction: Knex.Transaction,
  userId: UserId,
  updates: readonly (Readonly<Record<string, unknown>> & { readonly device_id: string })[],
  streamId: number,
  localServerNames: readonly ServerName[],
): Promise<ServerName[]> {
  await noteKeyChange(transaction, userId);
  const sharing = (await listHostsSharingRooms(transaction, userId)).filter((name) => !localServerNames.includes(name));
  const blacklisted = await listBlacklisted(transaction, sharing);
  const destinations = sharing.filter((name) => !blacklisted.includes(name));
  const edus = updates.map((update, i) =>
    JSON.stringify({
      edu_type: DEVICE_LIST_UPDATE,
      origin: splitUserId(userId).serverName,
      content: {
        user_id: userId,
        stream_id: streamId + i,
        prev_id: streamId + i > 1 ? [streamId + i - 1] : [],
        ...update,
      },
    }),
  );
  await enqueueEdus(transaction, DEVICE_LIST_UPDATE, edus, destinations);
  return destinations;
}
