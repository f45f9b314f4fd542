// A host with all three hooks. Usage: node host.js <database URL> <server name> <key.pem> <held room> <large room> <admin>
// <admin>
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import knex from 'knex';
import { createAdminPlugin, MatrixError, serverName, userId } from 'koa-matrix-admin';
import { addFourEyes } from './four-eyes.js';
import { addLegalHold } from './legal-hold.js';
import { addWebhook } from './webhook.js';

const [, , database = '', server = '', keyFile = '', held = '', large = '', alice = '', bob = ''] = process.argv;
const name = serverName(server);
const db = knex({ client: 'pg', connection: database, pool: { min: 0, max: 10 } });
const admin = createAdminPlugin({
  serverName: name,
  db,
  signingKeys: [{ serverName: name, keyId: 'ed25519:auto', privateKey: createPrivateKey(readFileSync(keyFile)) }],
});
await admin.start();
const [first, second] = [alice, bob].map((id) => ({ actor: { kind: 'user', userId: userId(id) } }) as const);
if (first === undefined || second === undefined) throw new Error('two administrators are needed');
const purge = (roomId: string): Promise<string> =>
  admin.operations.purgeRoom({ roomId }, first).then(
    () => 'done',
    (error: unknown) => (error instanceof MatrixError ? `${error.errcode}: ${error.message}` : String(error)),
  );

let heard = (_body: string): void => {};
const receiver = createServer((request, response) => {
  request.setEncoding('utf8').on('data', (body: string) => heard(body));
  request.on('end', () => response.end());
}).listen(0, '127.0.0.1');
await new Promise((resolve) => receiver.once('listening', resolve));
const message = new Promise<string>((resolve) => {
  heard = resolve;
});
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
const webhook = await addWebhook(admin, { db, url, secret: 'between us' });
addLegalHold(admin, (roomId) => roomId === held);
addFourEyes(admin, 1);

console.log(`held: ${await purge(held)}`);
console.log(`large: ${await purge(large)}`);
const { approvals } = await admin.operations.listApprovals({ state: 'pending' }, second);
for (const { id } of approvals) {
  await admin.operations.decideApproval({ approvalId: id, decision: 'approve' }, second);
}
console.log(`approved: ${await purge(large)}`);
console.log(`webhook: ${JSON.parse(await message).operation}`);

await webhook.stop();
receiver.close();
receiver.closeAllConnections();
await admin.stop();
await db.destroy();
