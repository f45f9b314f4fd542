import { Client } from 'pg';
import type { ServerName } from '../../index.ts';

/**
 * News about another server that the processes of the homeserver tell each other. `queued`: a process has queued something for
 * the other server. `alive`: the other server has sent a request, or an administrator has asked for an attempt to reach it.
 */
export type DestinationNews = 'queued' | 'alive';

/** Locks that decide which process of the homeserver sends to which other server. */
export interface DestinationLocks {
  /** Opens the connection that holds the locks and receives the news. @throws Error if the database cannot be reached */
  readonly open: () => Promise<void>;
  /**
   * Locks a server for this process. The lock lasts until this process calls `unlock()` or loses the connection.
   * @returns whether this process got the lock
   */
  readonly tryLock: (destination: ServerName) => Promise<boolean>;
  readonly unlock: (destination: ServerName) => Promise<void>;
  /** Sends news to all processes, including this one. */
  readonly tell: (destination: ServerName, news: DestinationNews) => Promise<void>;
  /** Closes the connection, which releases all locks. */
  readonly close: () => Promise<void>;
}

export interface LockEvents {
  /** Called when a process, which may be this one, has sent news. */
  readonly heard: (destination: ServerName, news: DestinationNews) => void;
  /** Called when the connection is lost, but not after `close()`. All locks are lost with the connection. */
  readonly lost: (error: Error) => void;
}

const CHANNEL = 'federationsender';
const KEY = "hashtextextended('federationsender ' || $1, 0)";

/**
 * Creates the locks. They are session-level advisory locks of PostgreSQL, and a single connection holds the locks on all
 * servers. So no transaction is open during a slow request, and PostgreSQL releases the locks of a dead process at once.
 */
export function createDestinationLocks(connectionString: string, { heard, lost }: LockEvents): DestinationLocks {
  let client: Client | undefined;

  const query = async (sql: string, values: readonly unknown[]): Promise<{ ok?: boolean } | undefined> => {
    if (client === undefined) throw new Error('there is no connection for locks');
    const { rows } = await client.query<{ ok?: boolean }>(sql, [...values]);
    return rows[0];
  };

  return {
    open: async () => {
      const opened = new Client({ connectionString, application_name: 'federation sender' });
      const leave = (error: Error): void => {
        if (client !== opened) return;
        client = undefined;
        lost(error);
      };
      opened.on('error', leave);
      opened.on('end', () => leave(new Error('the connection for locks has ended')));
      opened.on('notification', ({ payload = '' }) => {
        const [news, destination] = payload.split(' ');
        if (news === 'queued' || news === 'alive') heard(destination as ServerName, news);
      });
      await opened.connect();
      await opened.query(`LISTEN ${CHANNEL}`);
      client = opened;
    },
    tryLock: async (destination) =>
      (await query(`SELECT pg_try_advisory_lock(${KEY}) AS ok`, [destination]))?.ok === true,
    unlock: async (destination) => {
      await query(`SELECT pg_advisory_unlock(${KEY})`, [destination]);
    },
    tell: async (destination, news) => {
      await query('SELECT pg_notify($1, $2)', [CHANNEL, `${news} ${destination}`]);
    },
    close: async () => {
      const closed = client;
      client = undefined;
      await closed?.end();
    },
  };
}
