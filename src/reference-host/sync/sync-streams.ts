import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { errorFields } from '../../homeserver/index.ts';
import type { Logger, Notifier, RoomId } from '../../index.ts';
import { readSyncChanges } from '../storage/sync-changes.ts';
import { createSyncConnection, type StreamSample } from '../storage/sync-connection.ts';
import { BEGINNING, isBeyond, type SyncPosition } from './position.ts';
import { createWaitingClients } from './waiting-clients.ts';

/**
 * Maximum time for which a request waits for running transactions that may still add rows with ids up to the newest id, in ms.
 * Until the process has found its first settled position, requests wait without limit.
 */
const SETTLE_MS = 200;
/** Maximum time between two checks whether these transactions have ended, in ms. */
const LONGEST_PAUSE_MS = 50;
/** Time until the next attempt to connect after the connection was lost, in ms. */
const RETRY_MS = 1_000;
/**
 * Maximum number of rooms in one notification of PostgreSQL. A notification must have less than 8,000 bytes, and a room id has
 * at most 255 bytes.
 */
const ROOMS_IN_NOTIFICATION = 25;

/** A client that has received everything up to a position and waits for more. */
export interface Wait {
  readonly userId: string;
  /** Rooms that the user has joined, is invited to, or knocks at. */
  readonly rooms: readonly string[];
  readonly position: SyncPosition;
  /** The wait ends when this signal is aborted. */
  readonly signal: AbortSignal;
}

/**
 * Finds out up to which position the streams of `/sync` are complete, and wakes waiting clients when there are new rows. A
 * stream is a sequence of rows with ascending ids.
 *
 * A transaction that took a lower id may commit after a transaction that took a higher id. If a client received a position with
 * the higher id, it would never get the row with the lower id. A position is *settled* if every transaction that took an id up
 * to this position has ended. This module returns only settled positions.
 *
 * To find a settled position, this module uses locks that PostgreSQL takes anyway: `nextval()` holds a lock on its sequence
 * until the end of the transaction. This module reads the newest id, then lists the transactions that hold such a lock, and
 * waits until these transactions have ended. So the code that writes rows need not announce its transactions. Transactions that
 * only read, such as those of pg_dump, hold other locks and cause no wait. The sequences must not cache ids, and Dendrite
 * creates them with `CACHE 1`.
 *
 * Each process has one connection that receives notifications. The module runs a *round* after a notification, if a client
 * waits, and for `settle()`. A round finds the next settled position, and reads once which rooms and users have new rows. It
 * wakes the clients of these users, and the clients of the members of these rooms and of the rooms that the notification names.
 * A waiting client causes no queries.
 */
export interface SyncStreams {
  /** Wakes clients in all processes. Both the plugin and the homeserver's own routes call this notifier. */
  readonly notifier: Notifier;
  readonly open: () => Promise<void>;
  /**
   * Returns a settled position. The position includes everything that was committed before the call, unless another transaction
   * that adds rows runs for longer than `SETTLE_MS`.
   * @throws Error if this process has never found a settled position and cannot read the streams now
   */
  readonly settle: () => Promise<SyncPosition>;
  /**
   * Waits until there may be something new for a client. Does not wait if the last settled position is later than the client's
   * position.
   * @returns a settled position, or `undefined` if the signal is aborted or the homeserver stops. If another process has
   * answered the client before, the client's position may be later than the returned position.
   */
  readonly wait: (wait: Wait) => Promise<SyncPosition | undefined>;
  /** Ends all waits, because the homeserver stops. A wait that begins after this call ends at once. */
  readonly endWaits: () => void;
  readonly close: () => Promise<void>;
}

export interface SyncStreamsSettings {
  readonly db: Knex;
  readonly databaseUrl: string;
  readonly logger: Logger;
}

export function createSyncStreams({ db, databaseUrl, logger }: SyncStreamsSettings): SyncStreams {
  const clients = createWaitingClients();
  const stopped = new AbortController();
  /** The last settled position that this process has found. */
  let settled: SyncPosition | undefined;
  /** Rooms from the notifications since the last round began. */
  let named = new Set<string>();
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const connection = createSyncConnection(databaseUrl, {
    heard: (payload) => {
      for (const roomId of payload.split(' ')) if (roomId !== '') named.add(roomId);
      if (clients.size() > 0) round().catch(failed);
    },
    lost: (reason) => {
      logger.error(errorFields(reason), 'The connection for /sync is lost');
      reconnect().catch(failed);
    },
  });

  function failed(error: unknown): void {
    if (!stopped.signal.aborted) logger.error(errorFields(error), 'A round of /sync has failed');
  }

  async function reconnect(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        await delay(RETRY_MS, undefined, { signal: stopped.signal });
        await connection.open();
        // The process may have missed notifications while it was not connected.
        await round();
        clients.wakeAll();
        return;
      } catch (error) {
        if (!stopped.signal.aborted) logger.error(errorFields(error), 'The connection for /sync could not be opened');
      }
    }
  }

  /**
   * Runs a round that begins after the call. If a round is already running, all calls during that round share one further
   * round. If a round fails, logs the error and wakes all clients.
   */
  function round(): Promise<void> {
    next ??= (running ?? Promise.resolve()).then(() => {
      next = undefined;
      running = runRound().catch((error: unknown) => {
        failed(error);
        clients.wakeAll();
      });
      return running;
    });
    return next;
  }

  async function runRound(): Promise<void> {
    const rooms = [...named];
    named = new Set();
    const sample = await connection.sample();
    await awaitWriters(sample);
    const before = settled ?? BEGINNING;
    settled = sample.position;
    if (clients.size() === 0) return;
    clients.wake({ rooms, users: [] });
    if (isBeyond(settled, before)) clients.wake(await readSyncChanges(db, before, settled));
  }

  async function awaitWriters({ writers }: StreamSample): Promise<void> {
    let waiting = writers;
    for (let pauseMs = 1; waiting.length > 0; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      await delay(pauseMs, undefined, { signal: stopped.signal });
      waiting = await connection.stillRunning(waiting);
    }
  }

  /**
   * Notifies all processes of a change, whose rooms are `roomIds`. If the notification fails, this function only logs the
   * error, because the change is already committed. After a lost connection, `reconnect()` wakes the clients of this process,
   * and they see the change.
   */
  const notify = async (roomIds: readonly RoomId[]): Promise<void> => {
    try {
      for (let first = 0; first === 0 || first < roomIds.length; first += ROOMS_IN_NOTIFICATION) {
        await connection.notify(roomIds.slice(first, first + ROOMS_IN_NOTIFICATION).join(' '));
      }
    } catch (error) {
      logger.error(errorFields(error), 'Could not notify clients that wait for an answer of /sync');
    }
  };

  return {
    notifier: { roomsChanged: notify, usersChanged: () => notify([]) },
    open: connection.open,
    settle: async () => {
      const done = round();
      if (settled !== undefined) await Promise.race([done, delay(SETTLE_MS, undefined, { ref: false })]);
      else await done;
      if (settled === undefined) throw new Error('the streams of /sync cannot be read');
      return settled;
    },
    wait: ({ userId, rooms, position, signal }) =>
      new Promise((resolve) => {
        const end = (): void => {
          remove();
          signal.removeEventListener('abort', end);
          resolve(signal.aborted || stopped.signal.aborted ? undefined : settled);
        };
        const remove = clients.add({ userId, rooms, wake: end });
        signal.addEventListener('abort', end);
        const isLate = settled !== undefined && isBeyond(settled, position);
        if (isLate || signal.aborted || stopped.signal.aborted) end();
      }),
    endWaits: () => {
      stopped.abort();
      clients.wakeAll();
    },
    close: async () => {
      stopped.abort();
      clients.wakeAll();
      await connection.close();
      await running;
    },
  };
}
