import { setMaxListeners } from 'node:events';
import { errorFields } from '../../homeserver/index.ts';
import type { DestinationRetry, ServerName } from '../../index.ts';
import { createDestinationLocks } from '../storage/destination-locks.ts';
import { listWaitingDestinations, pardon } from '../storage/federation-queue.ts';
import { drainQueue, type WorkerSettings } from './destination-worker.ts';

export interface SenderSettings extends WorkerSettings {
  readonly databaseUrl: string;
  /**
   * Time between two searches of the queue, in ms. A search finds entries that a process has left in the queue when it died.
   * @defaultValue 30,000
   */
  readonly sweepMs?: number;
}

/** Sends the queued events and messages to other servers. */
export interface Sender {
  /**
   * Starts to send. The sender also sends events that are already in the queue, and events that other processes have queued.
   */
  readonly start: () => Promise<void>;
  /**
   * Makes the sender look at the queues of these servers at once. The caller calls this function after it has committed queued
   * events. If the sender waits because a server has failed, this wait does not become shorter.
   */
  readonly wake: (destinations: readonly ServerName[]) => void;
  /**
   * Call this function when a server shows a sign of life. Removes the server from the blacklist, and ends a wait for this
   * server.
   */
  readonly alive: (destination: ServerName) => Promise<void>;
  /** Lists the failed servers to which this process will send again after a wait. */
  readonly listRetries: () => readonly DestinationRetry[];
  /** Aborts running requests, and waits until all work has ended. */
  readonly stop: () => Promise<void>;
}

interface Worker {
  /** Whether a call has woken the worker again during its current run. */
  again: boolean;
  alive: AbortController;
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
   * Creates the controller of a session. The sender aborts the controller when it loses the database connection that holds the
   * locks, or when the sender stops. PostgreSQL releases the locks of a connection that ends.
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
   * Sends to a server if this process gets the server's lock. If another process has the lock and `tell` is true, notifies the
   * other process.
   */
  async function work(destination: ServerName, worker: Worker, tell: boolean): Promise<void> {
    const session = current;
    // The sender has lost the connection with the locks, or it stops. After a loss, the next search of the queue opens a new
    // connection and starts this work again.
    if (session.signal.aborted) return;
    if (!(await locks.tryLock(destination))) {
      if (tell) await locks.tell(destination, 'queued');
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
      return;
    }
    const worker: Worker = { again: false, alive: new AbortController(), done: Promise.resolve() };
    workers.set(destination, worker);
    worker.done = work(destination, worker, tell)
      .catch((error: unknown) => {
        worker.again = false;
        logger.error({ ...errorFields(error), destination }, 'Sending to a server has failed');
      })
      .finally(() => {
        workers.delete(destination);
        retries.delete(destination);
        if (worker.again) wakeOne(destination, tell);
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
