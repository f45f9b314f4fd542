import { setMaxListeners } from 'node:events';
import { errorFields } from '../../homeserver/index.ts';
import type { DestinationRetry, ServerName } from '../../index.ts';
import { createDestinationLocks } from '../storage/destination-locks.ts';
import { listWaitingDestinations, pardon } from '../storage/federation-queue.ts';
import { drainQueue, type WorkerSettings } from './destination-worker.ts';

export interface SenderSettings extends WorkerSettings {
  readonly databaseUrl: string;
  /**
   * Time between two searches of the queue, in ms. A search finds entries that no process sends, because the process that
   * queued them has died. @defaultValue 30,000
   */
  readonly sweepMs?: number;
}

/** Sends the queued events and messages to other servers. */
export interface Sender {
  /** Starts to send. The sender also sends entries that were already in the queue, and entries that other processes add. */
  readonly start: () => Promise<void>;
  /**
   * Makes the sender look at the queues of these servers at once. Call this function after the commit of the transaction that
   * has added entries to these queues. This call does not shorten the wait after a failure.
   */
  readonly wake: (destinations: readonly ServerName[]) => void;
  /**
   * Removes a server from the blacklist, and ends the wait after a failure. Call this function when the server has sent a
   * request, or when an administrator asks for an attempt.
   */
  readonly alive: (destination: ServerName) => Promise<void>;
  /**
   * Lists the servers to which sending has failed, and to which this process will send again after a wait, with the times of
   * the attempts.
   */
  readonly listRetries: () => readonly DestinationRetry[];
  /** Aborts running requests, and waits until all work has ended. */
  readonly stop: () => Promise<void>;
}

/** The running attempt to send everything that is queued for one server. */
interface Worker {
  /**
   * Whether the worker must look at the queue once more, because `wakeOne()` was called for this server while the worker was
   * running.
   */
  again: boolean;
  /** Whether to notify the process that has the lock on this server, if another process has it, that something is queued. */
  tell: boolean;
  /** Aborting this controller ends the wait after a failure. */
  alive: AbortController;
  /** Resolves when the worker has ended. */
  done: Promise<void>;
}

/**
 * Creates the sender. For each server, only one process sends at a time, and this process sends one transaction after another.
 */
export function createSender(settings: SenderSettings): Sender {
  const { db, logger, databaseUrl, sweepMs = 30_000 } = settings;
  const workers = new Map<ServerName, Worker>();
  const retries = new Map<ServerName, DestinationRetry>();
  const stopped = new AbortController();
  let current = newSession();
  let timer: NodeJS.Timeout | undefined;
  let sweeping = Promise.resolve();

  /**
   * Creates the controller of a session. A session is the time in which the sender has one database connection that holds its
   * locks. The sender aborts the controller when it loses this connection, or when the sender stops. PostgreSQL releases the
   * locks of a connection that ends.
   */
  function newSession(): AbortController {
    const session = new AbortController();
    setMaxListeners(0, session.signal);
    return session;
  }

  const locks = createDestinationLocks(databaseUrl, {
    heard: (destination, news) => {
      if (news === 'alive') workers.get(destination)?.alive.abort();
      wakeOne(destination, false);
    },
    lost: (error) => {
      logger.error(errorFields(error), 'The federation sender has lost its locks');
      current.abort(error);
    },
  });

  /**
   * Sends everything that is queued for a server, if this process gets the lock on this server. If another process has the lock
   * and `worker.tell` is true, notifies that process once.
   */
  async function work(destination: ServerName, worker: Worker): Promise<void> {
    const session = current;
    // The session has ended: the sender has lost the connection with the locks, or it stops. After a loss, the next search of
    // the queue opens a new connection, and starts this work again.
    if (session.signal.aborted) return;
    if (!(await locks.tryLock(destination))) {
      if (!worker.tell) return;
      // This process receives its own notification too, and calls `wakeOne()` for it. That call must not notify again.
      worker.tell = false;
      await locks.tell(destination, 'queued');
      return;
    }
    const signals = {
      stopped: session.signal,
      listen: () => {
        worker.alive = new AbortController();
        return worker.alive.signal;
      },
      waits: (retry: DestinationRetry | undefined) => {
        if (retry === undefined) retries.delete(destination);
        else retries.set(destination, retry);
      },
    };
    try {
      do {
        worker.again = false;
        worker.tell = false;
        await drainQueue(destination, settings, signals);
      } while (worker.again && !session.signal.aborted);
    } finally {
      if (!session.signal.aborted) await locks.unlock(destination);
    }
  }

  function wakeOne(destination: ServerName, tell: boolean): void {
    if (stopped.signal.aborted) return;
    const running = workers.get(destination);
    if (running !== undefined) {
      running.again = true;
      running.tell ||= tell;
      return;
    }
    const worker: Worker = { again: false, tell, alive: new AbortController(), done: Promise.resolve() };
    workers.set(destination, worker);
    worker.done = work(destination, worker)
      .catch((error: unknown) => {
        worker.again = false;
        logger.error({ ...errorFields(error), destination }, 'Sending to a server has failed');
      })
      .finally(() => {
        workers.delete(destination);
        retries.delete(destination);
        if (worker.again) wakeOne(destination, worker.tell);
      });
  }

  async function sweep(): Promise<void> {
    try {
      if (current.signal.aborted) {
        await Promise.all([...workers.values()].map(({ done }) => done));
        await locks.open();
        current = newSession();
      }
      for (const destination of await listWaitingDestinations(db)) wakeOne(destination, false);
    } catch (error) {
      logger.error(errorFields(error), 'The federation sender could not read its queue');
    }
  }

  function sweepLater(): void {
    if (stopped.signal.aborted) return;
    timer = setTimeout(() => {
      sweeping = sweep().then(sweepLater);
    }, sweepMs);
  }

  return {
    start: async () => {
      await locks.open();
      await sweep();
      sweepLater();
    },
    wake: (destinations) => {
      for (const destination of destinations) wakeOne(destination, true);
    },
    alive: async (destination) => {
      if (await pardon(db, destination)) await locks.tell(destination, 'alive');
    },
    listRetries: () => [...retries.values()],
    stop: async () => {
      stopped.abort();
      clearTimeout(timer);
      current.abort(new Error('the federation sender is stopped'));
      await sweeping;
      await Promise.all([...workers.values()].map(({ done }) => done));
      await locks.close();
    },
  };
}
