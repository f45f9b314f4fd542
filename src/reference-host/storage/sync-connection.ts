import { Client } from 'pg';
import type { SyncPosition } from '../sync/position.ts';

/**
 * A reading of the streams of `/sync`. `position` has the newest id of each stream. `writers` are the running transactions that
 * may have taken one of the ids up to the newest, and have not committed their rows yet.
 */
export interface StreamSample {
  readonly position: SyncPosition;
  /** The virtual ids of the running transactions, as `pg_locks` shows them. */
  readonly writers: readonly string[];
}

/** A database connection, one per process, that listens for notifications and reads the newest id of each `/sync` stream. */
export interface SyncConnection {
  /** Connects. @throws Error if the database cannot be reached */
  readonly open: () => Promise<void>;
  readonly sample: () => Promise<StreamSample>;
  /** Returns those of the given transactions that have not ended. */
  readonly stillRunning: (writers: readonly string[]) => Promise<string[]>;
  /** Sends a notification with a text to all processes, including this one. */
  readonly notify: (payload: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface SyncConnectionEvents {
  /** Called with the text of each notification. */
  readonly heard: (payload: string) => void;
  /** Called when the connection is lost. */
  readonly lost: (error: Error) => void;
}

const CHANNEL = 'syncapi';

/** For each stream, a table with a column whose default takes ids from the sequence of the stream. */
const TABLES: Readonly<Record<keyof SyncPosition, string>> = {
  stream: 'syncapi_output_room_events',
  receipts: 'syncapi_receipts',
  toDevice: 'syncapi_send_to_device',
  deviceLists: 'keyserver_key_changes',
};

/**
 * Finds the sequence that each of these tables uses. The name of the sequence is not the same in every database, but the
 * default of the column refers to the sequence.
 */
const SEQUENCES = `
  SELECT t.name, s.oid, quote_ident(n.nspname) || '.' || quote_ident(s.relname) AS sequence
  FROM unnest($1::text[]) AS t(name)
  JOIN pg_attrdef d ON d.adrelid = ('public.' || t.name)::regclass
  JOIN pg_depend u ON u.classid = 'pg_attrdef'::regclass AND u.objid = d.oid AND u.refclassid = 'pg_class'::regclass
  JOIN pg_class s ON s.oid = u.refobjid AND s.relkind = 'S'
  JOIN pg_namespace n ON n.oid = s.relnamespace`;

/**
 * Lists the running transactions that may have taken an id. `nextval()` first locks the sequence until the end of its
 * transaction, and then returns an id. PostgreSQL releases the lock only after the commit is visible. A transaction that only
 * reads the sequence has an AccessShareLock and is not listed.
 */
const WRITERS = `
  SELECT DISTINCT virtualtransaction AS writer FROM pg_locks
  WHERE locktype = 'relation' AND relation = ANY($1::oid[]) AND mode <> 'AccessShareLock' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

interface Opened {
  readonly client: Client;
  /** SQL that reads the last id of each sequence. */
  readonly positions: string;
  readonly sequences: readonly number[];
}

export function createSyncConnection(connectionString: string, { heard, lost }: SyncConnectionEvents): SyncConnection {
  let opened: Opened | undefined;
  let last: Promise<unknown> = Promise.resolve();

  /** Runs one statement at a time, because the driver `pg` demands this of a `Client`. */
  const query = async <Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const run = async (): Promise<Row[]> => {
      if (opened === undefined) throw new Error('the connection for /sync is closed');
      return (await opened.client.query<Row>(sql, [...values])).rows;
    };
    const result = last.then(run, run);
    last = result;
    return result;
  };

  const listWriters = async (sequences: readonly number[]): Promise<string[]> =>
    (await query<{ writer: string }>(WRITERS, [sequences])).map(({ writer }) => writer);

  return {
    open: async () => {
      const client = new Client({ connectionString, application_name: 'sync' });
      const leave = (error: Error): void => {
        if (opened?.client !== client) return;
        opened = undefined;
        lost(error);
      };
      client.on('error', leave);
      client.on('end', () => leave(new Error('the connection for /sync has ended')));
      client.on('notification', ({ payload = '' }) => heard(payload));
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      const found = await client.query<{ name: string; oid: number; sequence: string }>(SEQUENCES, [
        Object.values(TABLES),
      ]);
      const columns = Object.entries(TABLES).map(([stream, table]) => {
        const sequence = found.rows.find(({ name }) => name === table)?.sequence;
        if (sequence === undefined) throw new Error(`the primary key of ${table} has no sequence`);
        return `(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ${sequence})::float8 AS "${stream}"`;
      });
      const positions = `SELECT ${columns.join(', ')}`;
      opened = { client, positions, sequences: found.rows.map(({ oid }) => oid) };
    },
    sample: async () => {
      // Read the ids before the locks. A transaction locks the sequence before it takes an id. So if a transaction has taken
      // one of these ids, it either still has the lock or has ended.
      const [position] = await query<SyncPosition>(opened?.positions ?? '');
      if (position === undefined) throw new Error('the sequences of /sync are empty');
      return { position, writers: await listWriters(opened?.sequences ?? []) };
    },
    stillRunning: async (writers) => {
      const running = new Set(await listWriters(opened?.sequences ?? []));
      return writers.filter((writer) => running.has(writer));
    },
    notify: async (payload) => {
      await query('SELECT pg_notify($1, $2)', [CHANNEL, payload]);
    },
    close: async () => {
      const closed = opened;
      opened = undefined;
      await closed?.client.end();
    },
  };
}
