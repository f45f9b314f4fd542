import { Client } from 'pg';
import type { ServerName } from '../../ids.ts';

/** What processes tell each other of a server: something is queued for it, or it has been heard of. */
export type DestinationNews = 'queued' | 'alive';

/** Which process sends to which server. */
export interface DestinationLocks {
  /** Connects. @throws Error when the database can't be reached */
  readonly open: () => Promise<void>;
  /** Whether this process may send to a server now. It may until it unlocks, or the connection is lost. */
  readonly tryLock: (destination: ServerName) => Promise<boolean>;
  readonly unlock: (destination: ServerName) => Promise<void>;
  /** Tells the other processes. */
  readonly tell: (destination: ServerName, news: DestinationNews) => Promise<void>;
  /** Ends the connection, and every lock with it. */
  readonly close: () => Promise<void>;
}

export interface LockEvents {
  /** Another process has told, or this one. */
  readonly heard: (destination: ServerName, news: DestinationNews) => void;
  /** The connection is gone, and every lock with it. */
  readonly lost: (error: Error) => void;
}

const CHANNEL = 'federationsender';
const KEY = "hashtextextended('federationsender ' || $1, 0)";

/**
 * Advisory locks of the session, on one connection of their own for all servers: no transaction is open while a server
 * takes its time, and the locks of a process that dies are free at once.
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
