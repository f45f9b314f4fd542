import type { SyncChanges } from '../storage/sync-changes.ts';

/** A request of `/sync` that waits for something new. */
export interface WaitingClient {
  readonly userId: string;
  /** Rooms that the user has joined, is invited to, or knocks at. */
  readonly rooms: readonly string[];
  /** Ends the wait. `WaitingClients` calls this function at most once. */
  readonly wake: () => void;
}

/** The requests that wait in this process, by user and by room. */
export interface WaitingClients {
  readonly size: () => number;
  /** Adds a client. @returns a function that removes the client */
  readonly add: (client: WaitingClient) => () => void;
  /** Wakes and removes the clients whose user, or one of whose rooms, is in `changes`. */
  readonly wake: (changes: SyncChanges) => void;
  readonly wakeAll: () => void;
}

type Index = Map<string, Set<WaitingClient>>;

function put(index: Index, key: string, client: WaitingClient): void {
  const clients = index.get(key);
  if (clients === undefined) index.set(key, new Set([client]));
  else clients.add(client);
}

function take(index: Index, key: string, client: WaitingClient): void {
  const clients = index.get(key);
  clients?.delete(client);
  if (clients?.size === 0) index.delete(key);
}

export function createWaitingClients(): WaitingClients {
  const all = new Set<WaitingClient>();
  const byUser: Index = new Map();
  const byRoom: Index = new Map();

  const remove = (client: WaitingClient): boolean => {
    if (!all.delete(client)) return false;
    take(byUser, client.userId, client);
    for (const roomId of client.rooms) take(byRoom, roomId, client);
    return true;
  };
  const wake = (clients: Iterable<WaitingClient>): void => {
    for (const client of clients) if (remove(client)) client.wake();
  };

  return {
    size: () => all.size,
    add: (client) => {
      all.add(client);
      put(byUser, client.userId, client);
      for (const roomId of client.rooms) put(byRoom, roomId, client);
      return () => {
        remove(client);
      };
    },
    wake: ({ rooms, users }) => {
      for (const roomId of rooms) wake(byRoom.get(roomId) ?? []);
      for (const userId of users) wake(byUser.get(userId) ?? []);
    },
    wakeAll: () => wake(all),
  };
}
