import { LRUCache } from 'lru-cache';
import type { RoomId, ServerName } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { countJoinedUsers } from '../storage/federation/joined-hosts.ts';

/** Rooms with fewer joined users are not cached: their users are counted each time. */
const LARGE_ROOM = 1_000;
const KEPT_ROOMS = 1_000;
/** How long counts are kept, in ms. The host may note a join a little after writing its event, so counts must expire. */
const FRESH_MS = 2_000;

/** How many users of each server are joined to a room. */
export type UsersByServer = ReadonlyMap<ServerName, number>;

/**
 * The servers in rooms. No database index helps to count their users, so a count takes longer the more members the room has.
 * Counts of large rooms are therefore kept in memory while the room's state stays the same.
 */
export interface JoinedServers {
  readonly count: (db: Db, roomId: RoomId, snapshotNid: number) => Promise<UsersByServer>;
  /** Keeps the counts that follow from newly written events. */
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
