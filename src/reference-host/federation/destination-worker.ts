import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { z } from 'zod';
import { describeError } from '../../errors.ts';
import type { Logger } from '../../host.ts';
import type { ServerName } from '../../ids.ts';
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
  /** The primary server name, which sends for all local ones, as Dendrite's does. */
  readonly origin: ServerName;
  readonly logger: Logger;
  /** What the first wait is twice of, in ms. @defaultValue 1,000 */
  readonly backoffMs?: number;
  /** For a transaction, in ms. @defaultValue 300,000, as Dendrite */
  readonly transactionLimitMs?: number;
}

/** Ends waits before their time. */
export interface WorkerSignals {
  readonly stopped: AbortSignal;
  /** Aborted when the server is heard of from now on. */
  readonly listen: () => AbortSignal;
}

/** Dendrite's `federation_api.send_max_retries`. */
const FAILURES_UNTIL_BLACKLIST = 16;

const answerSchema = z.object({
  pdus: z.record(z.string(), z.looseObject({ error: z.string().optional() })).default({}),
});

/** How long to wait after so many failures, in ms: 2^n times the base, from 0.8 to 1.4 times that, as Dendrite. */
export function backoffOf(failures: number, baseMs: number, random: number): number {
  return baseMs * 2 ** failures * (0.8 + 0.6 * random);
}

/**
 * Sends what is queued for a server, in order, until nothing is left, the server is on the blacklist, or it is stopped.
 * What fails is tried again, however it fails; what a server has answered with 200 is not, whatever it says of single events.
 */
export async function drainQueue(
  destination: ServerName,
  settings: WorkerSettings,
  { stopped, listen }: WorkerSignals,
): Promise<void> {
  const { db, logger, backoffMs = 1000 } = settings;
  let failures = 0;
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
      continue;
    }
    if (stopped.aborted) return;
    failures += 1;
    const fields = { destination, failures, error: failure };
    if (failures >= FAILURES_UNTIL_BLACKLIST) {
      await addToBlacklist(db, destination);
      logger.warn(fields, 'Nothing more is sent to this server until it is heard of');
      return;
    }
    const waitMs = backoffOf(failures, backoffMs, Math.random());
    logger.info({ ...fields, retryInMs: Math.round(waitMs) }, 'A server did not take a transaction');
    await delay(waitMs, undefined, { signal: AbortSignal.any([stopped, alive]) }).catch(() => undefined);
    if (alive.aborted) failures = 0;
  }
}

/** Why the transaction has failed; `undefined` once it is sent, and out of the queue. */
async function sendTransaction(
  destination: ServerName,
  queued: QueuedTransaction,
  { db, ask, origin, logger, transactionLimitMs = 300_000 }: WorkerSettings,
  stopped: AbortSignal,
): Promise<string | undefined> {
  const { txnId, content, unsendable } = transactionOf(queued, origin, Date.now());
  if (unsendable.length > 0)
    logger.error({ destination, rows: unsendable }, 'Queued JSON can not be sent, and is dropped');
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
