import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';
import { rowsOf } from '../database.ts';

/** How long a client's transaction id stays stored. */
const REMEMBERED = '7 days';

/**
 * Finds the notice that an actor has already sent with this transaction id. Concurrent calls with the same id wait until this
 * database transaction ends. If there is no such notice, the caller must send the notice and call `storeNotice()`.
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

/** Stores the event that was sent with a transaction id. Deletes expired transaction ids. */
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
