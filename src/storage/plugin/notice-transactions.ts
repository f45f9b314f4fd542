import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';
import { rowsOf } from '../database.ts';

/** Time for which a transaction id is stored. */
const REMEMBERED = '7 days';

/**
 * Finds the notice that an actor has sent under a transaction id. Concurrent calls with the same id wait until this
 * transaction ends. If there is no notice, `storeNotice()` must follow.
 */
export async function findNotice(
  transaction: Knex.Transaction,
  actor: string,
  transactionId: string,
): Promise<EventId | undefined> {
  await transaction.raw(
    `INSERT INTO matrix_admin.notice_transactions (actor, transaction_id, event_id) VALUES (?, ?, '')
     ON CONFLICT DO NOTHING`,
    [actor, transactionId],
  );
  const [row] = await rowsOf<{ event_id: EventId | '' }>(
    transaction.raw('SELECT event_id FROM matrix_admin.notice_transactions WHERE actor = ? AND transaction_id = ?', [
      actor,
      transactionId,
    ]),
  );
  return row === undefined || row.event_id === '' ? undefined : row.event_id;
}

/** Stores the event of a transaction id, and deletes expired transaction ids. */
export async function storeNotice(
  transaction: Knex.Transaction,
  actor: string,
  transactionId: string,
  eventId: EventId,
): Promise<void> {
  await transaction.raw(
    'UPDATE matrix_admin.notice_transactions SET event_id = ? WHERE actor = ? AND transaction_id = ?',
    [eventId, actor, transactionId],
  );
  await transaction.raw(
    `DELETE FROM matrix_admin.notice_transactions WHERE sent_at < now() - interval '${REMEMBERED}'`,
  );
}
