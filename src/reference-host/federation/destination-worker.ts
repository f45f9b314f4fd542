import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { z } from 'zod';
import { describeError } from '../../homeserver/index.ts';
import type { DestinationRetry, Logger, ServerName } from '../../index.ts';
import {
  addToBlacklist,
  deleteQueued,
  deleteUseless,
  isBlacklisted,
  type QueuedTransaction,
  readNextTransaction,
} from '../storage/federation-queue.ts';
import type { AskServer } from './federation-client.ts';
import { checkAnswer, uriOf } from './questions.ts';
import { transactionOf } from './transaction.ts';

export interface WorkerSettings {
  readonly db: Knex;
  readonly ask: AskServer;
  /**
   * The homeserver's main server name. As in Dendrite, transactions have this sender even if their events come from other local
   * server names.
   */
  readonly origin: ServerName;
  readonly logger: Logger;
  /** Base of the waits after failures, in ms. See `backoffOf()`. @defaultValue 1,000 */
  readonly backoffMs?: number;
  /** Time limit for sending one transaction, in ms. @defaultValue 300,000, which is also Dendrite's limit */
  readonly transactionLimitMs?: number;
}

/** Signals that end a wait early, and a function that reports waits. */
export interface WorkerSignals {
  readonly stopped: AbortSignal;
  /** Returns a signal that is aborted when the other server next sends a request or an answer. */
  readonly listen: () => AbortSignal;
  /**
   * The worker calls this function with the time of the next attempt before each wait, and with `undefined` after each
   * successful transaction.
   */
  readonly waits: (retry: DestinationRetry | undefined) => void;
}

/**
 * Number of successive failures after which the sender blacklists a server. Dendrite has the same default for
 * `federation_api.send_max_retries`.
 */
const FAILURES_UNTIL_BLACKLIST = 16;

const answerSchema = z.object({
  pdus: z.record(z.string(), z.looseObject({ error: z.string().optional() })).default({}),
});

/**
 * Returns the wait after a number of failures, in ms. As in Dendrite, the wait is 2^failures times the base, multiplied by a
 * number from 0.8 to 1.4.
 * @param random a random number from 0 to 1
 */
export function backoffOf(failures: number, baseMs: number, random: number): number {
  return baseMs * 2 ** failures * (0.8 + 0.6 * random);
}

/**
 * Sends everything that is queued for a server, in order. Returns when the queue is empty, the server is on the blacklist, or
 * the sender is stopped. Sends a failed transaction again after a wait. Does not send a transaction again that the server has
 * answered with status 200, even if the answer refuses some of its events.
 */
export async function drainQueue(
  destination: ServerName,
  settings: WorkerSettings,
  { stopped, listen, waits }: WorkerSignals,
): Promise<void> {
  const { db, logger, backoffMs = 1000 } = settings;
  let failures = 0;
  let failingSince: number | undefined;
  if (await isBlacklisted(db, destination)) return;
  while (!stopped.aborted) {
    const queued = await readNextTransaction(db, destination, Date.now());
    if (queued.pdus.length + queued.edus.length === 0) {
      await deleteUseless(db, destination, Date.now());
      return;
    }
    const alive = listen();
    const failure = await sendTransaction(destination, queued, settings, stopped);
    if (failure === undefined) {
      failures = 0;
      failingSince = undefined;
      waits(undefined);
      continue;
    }
    if (stopped.aborted) return;
    failures += 1;
    const fields = { destination, failures, error: failure };
    if (failures >= FAILURES_UNTIL_BLACKLIST) {
      await addToBlacklist(db, destination);
      logger.warn(fields, 'Stopped sending to this server until it sends a request or an answer');
      return;
    }
    const waitMs = backoffOf(failures, backoffMs, Math.random());
    logger.info({ ...fields, retryInMs: Math.round(waitMs) }, 'A server refused a transaction');
    const lastTry = Date.now();
    failingSince ??= lastTry;
    waits({ destination, failingSince, lastTry, nextTry: lastTry + Math.round(waitMs) });
    await delay(waitMs, undefined, { signal: AbortSignal.any([stopped, alive]) }).catch(() => undefined);
    if (alive.aborted) failures = 0;
  }
}

/**
 * Sends a transaction. After a success, removes it from the queue, together with queued JSON that cannot be sent. After a
 * failure, leaves everything in the queue.
 * @returns the reason of a failure, or `undefined` after a success
 */
async function sendTransaction(
  destination: ServerName,
  queued: QueuedTransaction,
  { db, ask, origin, logger, transactionLimitMs = 300_000 }: WorkerSettings,
  stopped: AbortSignal,
): Promise<string | undefined> {
  const { txnId, content, unsendable } = transactionOf(queued, origin, Date.now());
  if (unsendable.length > 0) logger.error({ destination, rows: unsendable }, 'Dropped queued JSON that cannot be sent');
  if (content.pdus.length + content.edus.length > 0) {
    try {
      const question = { origin, destination, method: 'PUT', uri: uriOf('v1', 'send', txnId), content } as const;
      const answer = await ask(question, { signal: stopped, limitMs: transactionLimitMs });
      const { pdus } = checkAnswer(answerSchema, answer, destination);
      for (const [eventId, { error }] of Object.entries(pdus)) {
        if (error !== undefined)
          logger.warn({ destination, eventId, reason: error.slice(0, 500) }, 'A server refused an event');
      }
    } catch (error) {
      return describeError(error);
    }
  }
  await deleteQueued(
    db,
    destination,
    [...queued.pdus, ...queued.edus].map(({ nid }) => nid),
  );
  return undefined;
}
