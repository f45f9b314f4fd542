import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import type { AdminPlugin } from 'koa-matrix-admin';

const DESTRUCTIVE = ['purgeRoom', 'deleteRoom', 'evacuateRoom', 'evacuateUser', 'deactivateUser'] as const;

export interface WebhookSettings {
  readonly db: Knex;
  readonly url: string;
  /** The secret that signs each body. The header `X-Signature: sha256=<hex>` has the HMAC-SHA256 of the body. */
  readonly secret: string;
  /** Wait before the second attempt, in ms. The wait doubles up to an hour. @defaultValue 1000 */
  readonly retryMs?: number;
}

/**
 * Sends a message to a URL for every destructive operation. A table of this example stores messages that were not delivered
 * yet. So a restart loses none of them, and any process can deliver them. The receiver may get a message twice, and can
 * recognise it by its `id`.
 *
 * A hook runs after the commit. If a process dies between the commit and the hook, the message is not stored. If you must not
 * miss any operation, compare the messages with the audit (`operations.listAudit`).
 */
export async function addWebhook(
  { hooks }: AdminPlugin,
  settings: WebhookSettings,
): Promise<{ stop: () => Promise<void> }> {
  const { db } = settings;
  await db.raw(`CREATE TABLE IF NOT EXISTS webhook_outbox (id bigserial PRIMARY KEY, body text NOT NULL,
    attempts int NOT NULL DEFAULT 0, due timestamptz NOT NULL DEFAULT now())`);
  const stopping = new AbortController();
  const removals = DESTRUCTIVE.map((operation) =>
    hooks.after(operation, { name: 'webhook' }, async ({ input, actor, requestId }) => {
      await db('webhook_outbox').insert({ body: JSON.stringify({ operation, input, actor, requestId }) });
    }),
  );
  const delivered = deliverAll(settings, stopping.signal);
  return {
    stop: async () => {
      for (const remove of removals) remove();
      stopping.abort();
      await delivered;
    },
  };
}

async function deliverAll(settings: WebhookSettings, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const isDone = await deliverNext(settings).catch(() => false);
    if (!isDone) await delay(100, undefined, { signal }).catch(() => {});
  }
}

/** Delivers one message that is due. Its row stays locked during the delivery, so that no other process sends it. */
async function deliverNext({ db, url, secret, retryMs = 1_000 }: WebhookSettings): Promise<boolean> {
  return db.transaction(async (transaction) => {
    const row = await transaction('webhook_outbox')
      .where('due', '<=', transaction.fn.now())
      .orderBy('id')
      .forUpdate()
      .skipLocked()
      .first('id', 'body', 'attempts');
    if (row === undefined) return false;
    const body = JSON.stringify({ id: String(row.id), ...JSON.parse(row.body) });
    const headers = {
      'Content-Type': 'application/json',
      'X-Signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    };
    const answer = await fetch(url, { method: 'POST', body, headers, signal: AbortSignal.timeout(10_000) }).catch(
      () => undefined,
    );
    const mine = transaction('webhook_outbox').where('id', row.id);
    if (answer?.ok === true) await mine.delete();
    else {
      const waitMs = Math.min(retryMs * 2 ** row.attempts, 3_600_000);
      await mine.update({
        attempts: row.attempts + 1,
        due: transaction.raw(`now() + ? * interval '1 millisecond'`, [waitMs]),
      });
    }
    return true;
  });
}
