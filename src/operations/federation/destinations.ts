import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { DestinationRetry } from '../../host.ts';
import { isServerName, type RoomId, type ServerName } from '../../ids.ts';
import type { Db } from '../../storage/database.ts';
import {
  DESTINATION_ORDERS,
  type Destination,
  deleteFromOfflineLists,
  listRoomsOfServer,
  readDestinations,
} from '../../storage/federation/destinations.ts';
import { defineOperation, type ReadScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

const destinationInput: z.ZodType<ServerName, string> = z.custom<ServerName>(
  (value) => typeof value === 'string' && isServerName(value),
  'not a server name',
);

const pageInput = {
  /** `f` means ascending, `b` means descending. @defaultValue `f` */
  direction: z.enum(['f', 'b']).default('f'),
  /** Maximum number of entries on the page. @defaultValue 100 */
  limit: z.int().min(0).max(1_000).default(100),
  /** `nextToken` of the previous page, which is the number of entries to skip. @defaultValue 0 */
  from: z.int().min(0).default(0),
};

/** Returns the value of `from` for the next page, or `undefined` on the last page. */
const nextOf = (from: number, shown: number, total: number): number | undefined =>
  from + shown < total ? from + shown : undefined;

const retriesOf = async ({ federation }: ReadScope): Promise<readonly DestinationRetry[]> =>
  (await federation?.listRetries?.()) ?? [];

/**
 * Finds one server of the list that `listDestinations` shows. @throws MatrixError `M_NOT_FOUND` if the server is not on the
 * list
 */
async function requireDestination(scope: ReadScope, db: Db, name: ServerName): Promise<Destination> {
  const page = { orderBy: 'destination', isReversed: false, offset: 0, limit: 1 } as const;
  const retries = await retriesOf(scope);
  const found = await readDestinations(db, { name }, page, { localServerNames: scope.localServerNames, retries });
  const [destination] = found.destinations;
  if (destination === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown destination');
  return destination;
}

/**
 * Lists other servers, page by page. The list contains servers that share rooms with the homeserver, servers for which events
 * are queued, and servers on Dendrite's blacklist or on its list of servers that are assumed to be offline. The host's
 * federation sender provides the times of attempts to reach the servers. Synapse's route is `GET
 * /_synapse/admin/v1/federation/destinations`.
 */
export const listDestinations = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    ...pageInput,
    /** Sort key of the list. @defaultValue `destination`, the server name */
    orderBy: z.enum(DESTINATION_ORDERS).default('destination'),
    /** Only servers whose name contains this text, ignoring case. @defaultValue all servers */
    destination: z.string().min(1).max(255).optional(),
  }),
  run: async (
    scope,
    { direction, limit, from, orderBy, destination },
  ): Promise<{ destinations: Destination[]; total: number; nextToken: number | undefined }> => {
    const { destinations, total } = await readDestinations(
      scope.db,
      { partOfName: destination },
      { orderBy, isReversed: direction === 'b', offset: from, limit },
      { localServerNames: scope.localServerNames, retries: await retriesOf(scope) },
    );
    return { destinations, total, nextToken: nextOf(from, destinations.length, total) };
  },
});

/**
 * Shows one server of the list that `listDestinations` shows. Synapse's route is `GET
 * /_synapse/admin/v1/federation/destinations/{destination}`.
 * @throws MatrixError `M_NOT_FOUND` if `listDestinations` does not list the server
 */
export const getDestination = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The server. */
    destination: destinationInput,
  }),
  run: async (scope, { destination }): Promise<Destination> => requireDestination(scope, scope.db, destination),
});

/**
 * Lists the rooms in which users of a server have joined, page by page. Synapse's route is `GET
 * /_synapse/admin/v1/federation/destinations/{destination}/rooms`.
 * @throws MatrixError `M_NOT_FOUND` if `listDestinations` does not list the server
 */
export const listDestinationRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    ...pageInput,
    /** The server. */
    destination: destinationInput,
  }),
  run: async (
    scope,
    { destination, direction, limit, from },
  ): Promise<{ roomIds: RoomId[]; total: number; nextToken: number | undefined }> => {
    await requireDestination(scope, scope.db, destination);
    const page = { isReversed: direction === 'b', offset: from, limit };
    const { roomIds, total } = await listRoomsOfServer(scope.db, destination, page);
    return { roomIds, total, nextToken: nextOf(from, roomIds.length, total) };
  },
});

/**
 * Removes a server from Dendrite's blacklist and from the list of servers that are assumed to be offline. After the commit, the
 * plugin tells the host, so that the host's federation sender contacts the server again. Synapse's route is `POST
 * /_synapse/admin/v1/federation/destinations/{destination}/reset_connection`.
 * @throws MatrixError `M_NOT_FOUND` if `listDestinations` does not list the server
 */
export const resetConnection = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The server. */
    destination: destinationInput,
  }),
  target: ({ destination }) => destination,
  run: async (scope, { destination }): Promise<void> => {
    await requireDestination(scope, scope.transaction, destination);
    await deleteFromOfflineLists(scope.transaction, destination);
    scope.afterCommit(() => scope.announce({ retried: [destination] }));
  },
});
