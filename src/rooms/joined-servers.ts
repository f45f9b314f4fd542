import { LRUCache } from 'lru-cache';
import type { RoomId, ServerName } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { countJoinedUsers } from '../storage/federation/joined-hosts.ts';

/**
 * The numbers of joined users of each server stay cached only for a room with at least this many joined users. In smaller
 * rooms, the users are counted each time.
 */
const LARGE_ROOM = 1_000;
const KEPT_ROOMS = 1_000;
/**
 * How long these numbers stay cached for a room, in ms. The homeserver may record a join shortly after it writes the join
 * event, so the cached numbers must expire.
 */
const FRESH_MS = 2_000;

/** The number of joined users of each server in a room. */
export type UsersByServer = ReadonlyMap<ServerName, number>;

/**
 * Counts the joined users of each server in a room. No database index makes counting quick, so it takes longer in a larger
 * room. The counts of large rooms stay in memory until the room's state changes, but for at most `FRESH_MS`.
 * @internal
 */
export interface JoinedServers {
  /**
   * @param snapshotNid the NID of the room's current state. A NID is the number by which Dendrite's tables refer to a state.
   */
  readonly count: (db: Db, roomId: RoomId, snapshotNid: number) => Promise<UsersByServer>;
  /** Caches counts that the caller has computed for the state that new events have made. */
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
