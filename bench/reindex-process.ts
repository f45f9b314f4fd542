import knex from 'knex';
import { createAdminPlugin } from '../src/index.ts';
import { SERVER_NAME, SIGNING_KEY } from './room-data.ts';

const [, , connectionString = ''] = process.argv;
const db = knex({ client: 'pg', connection: connectionString, pool: { min: 0, max: 6 } });
const admin = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys: [SIGNING_KEY] });
await admin.start();
const { jobId } = await admin.operations.reindexFulltext.start({}, { actor: { kind: 'system', name: 'bench' } });
const job = await admin.jobs.wait(jobId);
await admin.stop();
await db.destroy();
const { maxRSS } = process.resourceUsage();
console.log(JSON.stringify({ peakKilobytes: maxRSS, documents: job.result?.documents, ms: job.result?.duration_ms }));
