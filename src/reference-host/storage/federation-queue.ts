import type { Knex } from 'knex';
import type { ServerName } from '../../index.ts';

/**
 * A queued PDU or EDU. `nid` is the number that Dendrite gives the JSON. The queues of several servers can refer to the same
 * JSON.
 */
export interface QueuedJson {
  readonly nid: string;
  readonly json: string;
}

export interface QueuedTransaction {
  readonly pdus: readonly QueuedJson[];
  readonly edus: readonly QueuedJson[];
}

/**
 * The next two constants are the maximum numbers of PDUs and of EDUs in a transaction. Source: Server-Server API,
 * "Transactions".
 */
const MAX_PDUS = 50;
const MAX_EDUS = 100;

/** Lists the servers for which PDUs or EDUs are queued. Leaves out servers on the blacklist. */
export async function listWaitingDestinations(db: Knex): Promise<ServerName[]> {
  const { rows } = await db.raw<{ rows: { server_name: ServerName }[] }>(
    `SELECT server_name FROM (
       SELECT server_name FROM public.federationsender_queue_pdus
       UNION SELECT server_name FROM public.federationsender_queue_edus) AS waiting
     WHERE server_name NOT IN (SELECT server_name FROM public.federationsender_blacklist)`,
  );
  return rows.map(({ server_name }) => server_name);
}

/**
 * Reads the next PDUs and EDUs of a server's queue, at most as many as one transaction may have. PDUs and EDUs are each in the
 * order of their numbers. Leaves out expired EDUs.
 * @param now the current time, in ms since the epoch
 */
export async function readNextTransaction(db: Knex, destination: ServerName, now: number): Promise<QueuedTransaction> {
  const read = async (queue: 'pdus' | 'edus', limit: number): Promise<QueuedJson[]> => {
    const condition = queue === 'edus' ? 'AND (q.expires_at = 0 OR q.expires_at > :now)' : '';
    const { rows } = await db.raw<{ rows: QueuedJson[] }>(
      `SELECT q.json_nid AS nid, j.json_body AS json FROM public.federationsender_queue_${queue} q
       JOIN public.federationsender_queue_json j ON j.json_nid = q.json_nid
       WHERE q.server_name = :destination ${condition} ORDER BY q.json_nid LIMIT :limit`,
      { destination, limit, now },
    );
    return rows;
  };
  return { pdus: await read('pdus', MAX_PDUS), edus: await read('edus', MAX_EDUS) };
}

/** Deletes entries of a server's queue that the sender will never send: expired EDUs, and entries whose JSON is missing. */
export async function deleteUseless(db: Knex, destination: ServerName, now: number): Promise<void> {
  const { rows } = await db.raw<{ rows: { nid: string }[] }>(
    `SELECT json_nid AS nid FROM public.federationsender_queue_edus
       WHERE server_name = :destination AND expires_at > 0 AND expires_at <= :now
     UNION SELECT json_nid FROM (
       SELECT json_nid FROM public.federationsender_queue_pdus WHERE server_name = :destination
       UNION SELECT json_nid FROM public.federationsender_queue_edus WHERE server_name = :destination) AS queued
       WHERE NOT EXISTS (SELECT 1 FROM public.federationsender_queue_json j WHERE j.json_nid = queued.json_nid)`,
    { destination, now },
  );
  const nids = rows.map(({ nid }) => nid);
  if (nids.length > 0) await deleteQueued(db, destination, nids);
}

/**
 * Deletes entries from a server's queue, and deletes their JSON if it is in no other server's queue. First locks the rows of
 * the JSON, in order. So if two processes delete the last two entries with the same JSON at the same time, one of them waits
 * for the other, and then deletes the JSON.
 */
export async function deleteQueued(db: Knex, destination: ServerName, nids: readonly string[]): Promise<void> {
  const bindings = { destination, nids: [...nids] };
  await db.transaction(async (transaction) => {
    await transaction.raw(
      `SELECT 1 FROM public.federationsender_queue_json WHERE json_nid = ANY(:nids) ORDER BY json_nid FOR UPDATE`,
      bindings,
    );
    for (const queue of ['pdus', 'edus']) {
      await transaction.raw(
        `DELETE FROM public.federationsender_queue_${queue} WHERE server_name = :destination AND json_nid = ANY(:nids)`,
        bindings,
      );
    }
    await transaction.raw(
      `DELETE FROM public.federationsender_queue_json j WHERE j.json_nid = ANY(:nids)
       AND NOT EXISTS (SELECT 1 FROM public.federationsender_queue_pdus p WHERE p.json_nid = j.json_nid)
       AND NOT EXISTS (SELECT 1 FROM public.federationsender_queue_edus e WHERE e.json_nid = j.json_nid)`,
      bindings,
    );
  });
}

/** Adds a server to the blacklist. The homeserver sends nothing to servers on the blacklist. */
export async function addToBlacklist(db: Knex, serverName: ServerName): Promise<void> {
  await db('public.federationsender_blacklist').insert({ server_name: serverName }).onConflict('server_name').ignore();
}

/** Removes a server from the blacklist. @returns whether something is queued for the server */
export async function pardon(db: Knex, serverName: ServerName): Promise<boolean> {
  const { rows } = await db.raw<{ rows: { waiting: boolean }[] }>(
    `WITH pardoned AS (DELETE FROM public.federationsender_blacklist WHERE server_name = :serverName)
     SELECT EXISTS (SELECT 1 FROM public.federationsender_queue_pdus WHERE server_name = :serverName)
       OR EXISTS (SELECT 1 FROM public.federationsender_queue_edus WHERE server_name = :serverName) AS waiting`,
    { serverName },
  );
  return rows[0]?.waiting ?? false;
}

export async function isBlacklisted(db: Knex, serverName: ServerName): Promise<boolean> {
  const row = await db('public.federationsender_blacklist').where('server_name', serverName).first();
  return row !== undefined;
}
