import { once } from 'node:events';
import knex from 'knex';
import type { ServerName } from '../src/ids.ts';
import { createAdminPlugin } from '../src/index.ts';

const [, , connectionString = ''] = process.argv;
const db = knex({ client: 'pg', connection: connectionString, pool: { min: 0, max: 6 } });
const admin = createAdminPlugin({ serverName: 'localhost' as ServerName, db, signingKeys: [] });
await admin.start();
process.send?.('started');
await once(process, 'message');
await admin.stop();
await db.destroy();
process.disconnect();
