/**
 * A homeserver process that consists only of the plugin, for tests that kill the process. The program reads the variables
 * DATABASE_URL, LEASE_MS, MEDIA_STORE, SIGNING_KEY and CALL. It starts the plugin, prints `ready`, and runs the operation in
 * CALL if there is one. The program is JavaScript and imports the compiled files, because Node 20 cannot run TypeScript.
 */
import knex from 'knex';
import { createAdminPlugin } from '../../dist/index.js';
import { createMediaDirectory } from '../../dist/reference-host/media/media-directory.js';
import { loadSigningKey } from '../../dist/reference-host/signing-key.js';
import { postgresSearch } from '../../dist/search/postgres/index.js';

const { CALL, DATABASE_URL, LEASE_MS, MEDIA_STORE, SIGNING_KEY } = process.env;
const db = knex({ client: 'pg', connection: DATABASE_URL, pool: { min: 0, max: 10 } });
const jobs = { pollIntervalMs: 50, leaseMs: Number(LEASE_MS) };
/** Small batches make a job take many steps, so that a kill can come at many different moments. */
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
