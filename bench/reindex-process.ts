import knex from 'knex';
import type { ServerName } from '../src/ids.ts';
import { createAdminPlugin } from '../src/index.ts';

const [, , connectionString = ''] = process.argv;
const db = knex({ client: 'pg', connection: connectionString, pool: { min: 0, max: 6 } });
const admin = createAdminPlugin({ serverName: 'localhost' as ServerName, db, signingKeys: [] });
await admin.start();
const { jobId } = await admin.operations.reindexFulltext({}, { actor: { kind: 'system', name: 'bench' } });
const job = await admin.jobs.wait(jobId);
await admin.stop();
await db.destroy();
const { maxRSS } = process.resourceUsage();
console.log(JSON.stringify({ peakKilobytes: maxRSS, documents: job.result?.documents, ms: job.result?.duration_ms }));
