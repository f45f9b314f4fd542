import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { SigningKey } from '../../src/host.ts';
import { isServerName, type RoomId, type ServerName, type UserId, userIdOf } from '../../src/ids.ts';
import type { VerifyKey } from '../../src/matrix/sign-json.ts';
import { createCertificate } from '../../src/reference-host/federation/certificate.ts';
import type { AskServer } from '../../src/reference-host/federation/federation-client.ts';
import { createHomeserver, type Homeserver } from '../../src/reference-host/homeserver.ts';
import { createCapturedLogger } from './captured-logger.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { addAccount, addDevice } from './dendrite-server.ts';
import { createAsk } from './federation.ts';
import { type Answer, request } from './http-client.ts';

/** A homeserver that other servers can reach. Its users are Alice and the administrator Root. */
export interface FederatingHomeserver {
  readonly name: ServerName;
  readonly verifyKey: VerifyKey;
  readonly alice: UserId;
  readonly homeserver: Homeserver;
  readonly database: TestDatabase;
  readonly logger: ReturnType<typeof createCapturedLogger>;
  /** Sends a request to another server. This homeserver signs the request. */
  readonly ask: AskServer;
  readonly call: (user: 'alice' | 'root', method: string, path: string, body?: object) => Promise<Answer>;
  /** Makes Alice create a room. */
  readonly createRoom: (version: string, joinRule?: string) => Promise<RoomId>;
  readonly say: (roomId: RoomId, body: string) => Promise<Answer>;
  readonly stop: () => Promise<void>;
}

const ADMIN = 3;
const USER = 1;

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export async function startFederatingHomeserver(): Promise<FederatingHomeserver> {
  const port = await freePort();
  const name = `localhost:${port}`;
  if (!isServerName(name)) throw new Error(name);
  const signingKey: SigningKey = {
    serverName: name,
    keyId: 'ed25519:own',
    privateKey: generateKeyPairSync('ed25519').privateKey,
  };
  const database = await createTestDatabase();
  const logger = createCapturedLogger();
  const homeserver = createHomeserver({
    databaseUrl: database.connectionString,
    signingKey,
    search: false,
    rateLimit: false,
    federation: { allowPrivate: true, verifyTls: false, certificate: await createCertificate(name) },
    logger,
  });
  const origin = `http://127.0.0.1:${await homeserver.listen(0)}`;
  await homeserver.listenForServers(port);
  for (const [localpart, accountType] of [
    ['alice', USER],
    ['root', ADMIN],
  ] as const) {
    await addAccount(database.db, { localpart, serverName: name, accountType });
    await addDevice(database.db, { localpart, serverName: name, accessToken: localpart });
  }
  const alice = userIdOf('alice', name);
  let transactions = 0;
  const call: FederatingHomeserver['call'] = (user, method, path, body) =>
    request(origin, path, {
      method,
      headers: { authorization: `Bearer ${user}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return {
    name,
    verifyKey: { serverName: name, keyId: signingKey.keyId, publicKey: createPublicKey(signingKey.privateKey) },
    alice,
    homeserver,
    database,
    logger,
    ask: createAsk({ signingKey }),
    call,
    createRoom: (version, joinRule = 'public') =>
      database.db.transaction(async (transaction) => {
        const state = (type: string, content: object, stateKey = '') => ({
          type,
          sender: alice,
          stateKey,
          content: { ...content },
        });
        const drafts = [
          state('m.room.member', { membership: 'join' }, alice),
          state('m.room.join_rules', { join_rule: joinRule }),
          state('m.room.history_visibility', { history_visibility: 'shared' }),
        ];
        const room = await homeserver.admin.rooms.create(transaction, { version, creator: alice, content: {}, drafts });
        return room.roomId;
      }),
    say: (roomId, body) => {
      transactions += 1;
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${transactions}`;
      return call('alice', 'PUT', path, { msgtype: 'm.text', body });
    },
    stop: async () => {
      await homeserver.close();
      await database.drop();
    },
  };
}
