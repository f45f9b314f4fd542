import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';
import { rowsOf } from '../database.ts';

/** How long the transaction id of a sent notice stays stored, as an interval of PostgreSQL. */
const REMEMBERED = '7 days';

/**
 * Finds the server notice that an administrator has already sent with a transaction id. The client chooses this id, so that it
 * can repeat a request without sending the notice twice. Concurrent calls with the same id wait until this database transaction
 * ends. If the function returns `undefined`, the caller must send the notice and call `storeNotice()` in this database
 * transaction.
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

/**
 * Stores which event was sent with the transaction id of `findNotice()`. Also deletes transaction ids older than `REMEMBERED`.
 */
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
