import { once } from 'node:events';
import knex from 'knex';
import { createAdminPlugin } from '../src/index.ts';
import { SERVER_NAME, SIGNING_KEY } from './room-data.ts';

const [, , connectionString = ''] = process.argv;
const db = knex({ client: 'pg', connection: connectionString, pool: { min: 0, max: 6 } });
const admin = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys: [SIGNING_KEY] });
await admin.start();
process.send?.('started');
await once(process, 'message');
await admin.stop();
await db.destroy();
process.disconnect();
