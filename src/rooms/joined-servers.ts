import { LRUCache } from 'lru-cache';
import type { RoomId, ServerName } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { countJoinedUsers } from '../storage/federation/joined-hosts.ts';

/** Rooms with fewer joined users are counted each time. */
const LARGE_ROOM = 1_000;
const KEPT_ROOMS = 1_000;
/** How long counts are kept, in ms. A host may take as long to note a join after it has written the event. */
const FRESH_MS = 2_000;

/** How many users of each server are joined to a room. */
export type UsersByServer = ReadonlyMap<ServerName, number>;

/**
 * Which servers are in rooms. No index helps to count them: the time grows with the members of the room. The counts of a large
 * room are kept in memory while the room's state stays the same.
 */
export interface JoinedServers {
  readonly count: (db: Db, roomId: RoomId, snapshotNid: number) => Promise<UsersByServer>;
  /** Keeps what follows from events that have been written. */
  readonly keep: (roomId: RoomId, snapshotNid: number, users: UsersByServer) => void;
}

export function createJoinedServers(): JoinedServers {
  const known = new LRUCache<RoomId, { readonly snapshotNid: number; readonly users: UsersByServer }>({
    max: KEPT_ROOMS,
    ttl: FRESH_MS,
    noUpdateTTL: true,
  });
  const keep = (roomId: RoomId, snapshotNid: number, users: UsersByServer): void => {
    let total = 0;
    for (const count of users.values()) total += count;
    if (total >= LARGE_ROOM) known.set(roomId, { snapshotNid, users });
    else known.delete(roomId);
  };
  return {
    keep,
    count: async (db, roomId, snapshotNid) => {
      const remembered = known.get(roomId);
      if (remembered?.snapshotNid === snapshotNid) return remembered.users;
      known.delete(roomId);
      const users = await countJoinedUsers(db, roomId);
      keep(roomId, snapshotNid, users);
      return users;
    },
  };
}
