/**
 * A process of a homeserver with nothing but the plugin, for tests that kill it: reads DATABASE_URL, LEASE_MS,
 * MEDIA_STORE and SIGNING_KEY, prints `ready`, and makes the CALL that it is given. JavaScript on what the build has made,
 * because Node 20 runs no TypeScript.
 */
import knex from 'knex';
import { createAdminPlugin } from '../../dist/index.js';
import { createMediaDirectory } from '../../dist/reference-host/media/media-directory.js';
import { loadSigningKey } from '../../dist/reference-host/signing-key.js';
import { postgresSearch } from '../../dist/search/postgres/index.js';

const { CALL, DATABASE_URL, LEASE_MS, MEDIA_STORE, SIGNING_KEY } = process.env;
const db = knex({ client: 'pg', connection: DATABASE_URL, pool: { min: 0, max: 10 } });
const jobs = { pollIntervalMs: 50, leaseMs: Number(LEASE_MS) };
/** Batches that are small enough for there to be many moments to be killed at. */
const search = (context) => ({ ...postgresSearch()(context), batchSize: 500 });
const write = (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
const logger = { debug: write, info: write, warn: write, error: write };

const signingKeys = [await loadSigningKey(SIGNING_KEY, 'localhost')];
const admin = createAdminPlugin(
  { serverName: 'localhost', db, signingKeys, logger, media: createMediaDirectory(MEDIA_STORE) },
  { search, jobs, serverNotices: {} },
);
await admin.start();
process.stdout.write('ready\n');
if (CALL !== undefined) {
  const { name, input } = JSON.parse(CALL);
  await admin.operations[name](input, { actor: { kind: 'system', name: 'test' } });
}
