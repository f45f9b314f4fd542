import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { errorFields } from '../errors.ts';
import type { Logger } from '../host.ts';
import type { Db } from '../storage/database.ts';
import {
  type ChangeTarget,
  drawVersion,
  leaseDelivery,
  listChanges,
  releaseDelivery,
  settleChanges,
} from '../storage/plugin/search-changes.ts';
import { deriveWrites } from './derive-writes.ts';
import type { SearchIndex, SearchWrites } from './search-index.ts';

const BATCH = 500;
const LEASE_MS = 15_000;
const LEASE_POLL_MS = 100;
const RETRY_MS = 2_000;

/**
 * Writes the oldest queued changes, at most `BATCH`, to their target: the live index, or the index that a reindex is filling.
 * Removes the written changes from the queue of the target.
 * @returns whether the queue may have more changes: `true` after a full batch
 */
export async function deliverChanges(
  db: Db,
  engine: string,
  target: ChangeTarget,
  write: (writes: SearchWrites) => Promise<void>,
): Promise<boolean> {
  const changes = await listChanges(db, engine, target, BATCH);
  if (changes.length === 0) return false;
  const version = await drawVersion(db);
  await write(await deriveWrites(db, [...new Set(changes.map(({ eventId }) => eventId))], version));
  await settleChanges(
    db,
    target,
    changes.map(({ seq }) => seq),
  );
  return changes.length === BATCH;
}

/**
 * Delivers queued changes to a search index whose engine is not part of the database, such as Meilisearch. One process at a
 * time holds a lease and delivers.
 */
export interface Delivery {
  readonly start: () => void;
  /**
   * Starts a delivery now, instead of after the poll interval. If a delivery is running, the next one starts when it has ended,
   * or after `RETRY_MS` if it fails. Does nothing after `stop()`.
   */
  readonly wake: () => void;
  /**
   * Waits for the lease, delivers all queued changes, and then runs `work`. No process delivers changes while `work` runs. If
   * `signal` is aborted, stops waiting for the lease and throws an `AbortError`.
   */
  readonly whilePaused: <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly stop: () => Promise<void>;
}

export function createDelivery(settings: {
  readonly db: Knex;
  readonly index: Pick<SearchIndex, 'engine' | 'write'>;
  readonly logger: Logger;
  readonly pollIntervalMs: number;
}): Delivery {
  const { db, index, logger, pollIntervalMs } = settings;
  let timer: NodeJS.Timeout | undefined;
  let delivering: Promise<void> | undefined;
  let wokenMeanwhile = false;
  /** Number of calls of `whilePaused()` that have not ended. */
  let pauses = 0;
  let stopped = false;

  const drain = async (): Promise<void> => {
    while (await deliverChanges(db, index.engine, 'for_index', (writes) => index.write(writes)));
  };

  /**
   * Runs `work` if this call gets the lease, and then releases the lease. Returns `undefined` if another process, or another
   * call in this process, holds the lease.
   */
  const holdingLease = async <T>(work: () => Promise<T>): Promise<{ value: T } | undefined> => {
    const owner = randomUUID();
    const lease = (): Promise<boolean> => leaseDelivery(db, index.engine, owner, LEASE_MS);
    if (!(await lease())) return undefined;
    const renewal = setInterval(() => void lease().catch(() => {}), LEASE_MS / 3);
    try {
      return { value: await work() };
    } finally {
      clearInterval(renewal);
      await releaseDelivery(db, index.engine, owner);
    }
  };

  const wake = (): void => {
    if (stopped) return;
    if (delivering !== undefined) {
      wokenMeanwhile = true;
      return;
    }
    clearTimeout(timer);
    wokenMeanwhile = false;
    let nextMs = pollIntervalMs;
    delivering = (pauses > 0 ? Promise.resolve() : holdingLease(drain).then(() => undefined))
      .catch((error: unknown) => {
        nextMs = RETRY_MS;
        if (!stopped) logger.warn(errorFields(error), 'Could not deliver changes to the search index; will try again');
      })
      .finally(() => {
        delivering = undefined;
        if (stopped) return;
        if (wokenMeanwhile && nextMs !== RETRY_MS) wake();
        else timer = setTimeout(wake, nextMs);
      });
  };

  return {
    start: wake,
    wake,
    whilePaused: async (work, signal) => {
      pauses += 1;
      try {
        await delivering;
        for (;;) {
          const done = await holdingLease(async () => {
            await drain();
            return work();
          });
          if (done !== undefined) return done.value;
          await delay(LEASE_POLL_MS, undefined, { signal });
        }
      } finally {
        pauses -= 1;
        wake();
      }
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await delivering;
    },
  };
}
