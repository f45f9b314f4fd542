// A host in forty lines. Usage: node host.js <database URL> <server name> <key.pem> <room id>
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import knex from 'knex';
import Koa from 'koa';
import { type AdminPluginOptions, createAdminPlugin, type Host, serverName } from 'koa-matrix-admin';
import { Registry } from 'prom-client';

const [, , database = '', name = '', keyFile = '', room = ''] = process.argv;
const db = knex({ client: 'pg', connection: database, pool: { min: 0, max: 10 } });
const registry = new Registry();
const host: Host = {
  serverName: serverName(name),
  db,
  signingKeys: [
    { serverName: serverName(name), keyId: 'ed25519:auto', privateKey: createPrivateKey(readFileSync(keyFile)) },
  ],
  metrics: { registry },
};
const options: AdminPluginOptions = { search: false };

export const admin = createAdminPlugin(host, options);
admin.hooks.after('evacuateRoom', { name: 'tell' }, ({ result }) =>
  console.log(`hook: ${result.affected.length} left`),
);
await admin.start();
const app = new Koa().use(admin.router.routes());
const server = app.listen(0, '127.0.0.1');

const caller = { actor: { kind: 'system', name: 'example' } } as const;
const { affected } = await admin.operations.evacuateRoom({ roomId: room }, caller);
console.log(`evacuated: ${affected.join(' ')}`);
const { jobId } = await admin.operations.purgeRoom.start({ roomId: room }, caller);
console.log(`job: ${(await admin.jobs.wait(jobId)).state}`);
const metrics = await registry.metrics();
console.log(metrics.split('\n').find((line) => line.includes('operation="evacuateRoom",outcome="ok"')));

server.close();
await admin.stop();
await db.destroy();
