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
   * The homeserver's main server name, which is the `origin` of every transaction. As in Dendrite, this name is also used for
   * events of other local server names.
   */
  readonly origin: ServerName;
  readonly logger: Logger;
  /** Base of the waits after failures, in ms. See `backoffOf()`. @defaultValue 1,000 */
  readonly backoffMs?: number;
  /** Time limit for sending one transaction, in ms. @defaultValue 300,000, which is also Dendrite's limit */
  readonly transactionLimitMs?: number;
}

/** The signals that end a wait early, and a function that receives the times of the next attempts. */
export interface WorkerSignals {
  /** Is aborted when the sender stops, or when it loses the lock on the other server. */
  readonly stopped: AbortSignal;
  /**
   * Returns a new signal. It is aborted when the other server sends a request, or when an administrator asks for an attempt.
   */
  readonly listen: () => AbortSignal;
  /**
   * The worker calls this function before each wait, with the times of the last and the next attempt. It also calls this
   * function with `undefined` after each successful transaction.
   */
  readonly waits: (retry: DestinationRetry | undefined) => void;
}

/**
 * Number of successive failures after which the worker blacklists the other server. Dendrite has the same default for
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
 * Sends everything that is queued for a server, in the order of the queue. After a failure, waits and tries again. A signal of
 * `listen()` ends the wait and resets the count of failures. After `FAILURES_UNTIL_BLACKLIST` successive failures, blacklists
 * the server. Returns when the queue has nothing to send, after deleting expired and broken entries, when the server is on the
 * blacklist, or when `stopped` is aborted. A transaction has succeeded when the server has answered as the specification
 * demands. If this answer refuses single events, the worker does not send these events again.
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
      logger.warn(fields, 'Stopped sending to this server until the server sends a request');
      return;
    }
    const waitMs = backoffOf(failures, backoffMs, Math.random());
    logger.info({ ...fields, retryInMs: Math.round(waitMs) }, 'Sending a transaction to a server has failed');
    const lastTry = Date.now();
    failingSince ??= lastTry;
    waits({ destination, failingSince, lastTry, nextTry: lastTry + Math.round(waitMs) });
    await delay(waitMs, undefined, { signal: AbortSignal.any([stopped, alive]) }).catch(() => undefined);
    if (alive.aborted) failures = 0;
  }
}

/**
 * Sends a transaction. After a success, removes all entries of `queued` from the queue, including entries that cannot be sent.
 * After a failure, removes nothing.
 * @returns the reason of a failure, or `undefined` after a success
 */
async function sendTransaction(
  destination: ServerName,
  queued: QueuedTransaction,
  { db, ask, origin, logger, transactionLimitMs = 300_000 }: WorkerSettings,
  stopped: AbortSignal,
): Promise<string | undefined> {
  const { txnId, content, unsendable } = transactionOf(queued, origin, Date.now());
  if (unsendable.length > 0)
    logger.error({ destination, rows: unsendable }, 'Leaves out queue entries that no server would accept');
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
