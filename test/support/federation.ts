import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { Knex } from 'knex';
import type { SigningKey } from '../../src/host.ts';
import type { RoomId, ServerName, UserId } from '../../src/ids.ts';
import type { EventJson } from '../../src/matrix/room-version.ts';
import type { VerifyKey } from '../../src/matrix/sign-json.ts';
import { type AskServer, createFederationClient } from '../../src/reference-host/federation/federation-client.ts';
import { createHttps } from '../../src/reference-host/federation/https-request.ts';
import { createDiscovery } from '../../src/reference-host/federation/server-discovery.ts';
import { createRoomWriter, type RoomWriter } from '../../src/rooms/room-writer.ts';
import { RemoteRoom } from './remote-room.ts';
import { RemoteServer } from './remote-server.ts';

export const LOCAL = 'local.example' as ServerName;
const { privateKey } = generateKeyPairSync('ed25519');
export const LOCAL_KEY: SigningKey = { serverName: LOCAL, keyId: 'ed25519:local', privateKey };
const PUBLISHED: VerifyKey = { serverName: LOCAL, keyId: LOCAL_KEY.keyId, publicKey: createPublicKey(privateKey) };
export const ALICE = `@alice:${LOCAL}` as UserId;

/** Starts a remote server that knows the signing key of the local server. @param others keys of other servers */
export function startRemote(others: readonly VerifyKey[] = []): Promise<RemoteServer> {
  const keys = [PUBLISHED, ...others];
  return RemoteServer.start(async (serverName) => keys.filter((key) => key.serverName === serverName));
}

export interface ClientSettings {
  readonly allowPrivate?: boolean;
  readonly verifyTls?: boolean;
  readonly wellKnownPort?: number;
  /** The key that signs requests. @defaultValue the local server's key */
  readonly signingKey?: SigningKey;
}

/** Creates a federation client like that of the homeserver. It may connect to this machine. */
export function createAsk(settings: ClientSettings = {}): AskServer {
  const { allowPrivate = true, verifyTls = false, wellKnownPort, signingKey = LOCAL_KEY } = settings;
  const send = createHttps({ allowPrivate, verifyTls });
  return createFederationClient({ send, discover: createDiscovery(send, wellKnownPort), signingKeys: [signingKey] });
}

const roomWriter: RoomWriter = createRoomWriter({
  serverName: LOCAL,
  localServerNames: [LOCAL],
  signingKeys: [LOCAL_KEY],
  applyEvents: async () => {},
});

export interface SharedRoom {
  readonly roomId: RoomId;
  /** Queues messages for the remote servers, in one transaction. */
  readonly say: (count: number) => Promise<readonly EventJson[]>;
}

/** Creates a room of Alice that remote servers have joined. */
export async function createSharedRoom(
  db: Knex,
  remotes: readonly RemoteServer[],
  version = '10',
): Promise<SharedRoom> {
  const member = { type: 'm.room.member', sender: ALICE, stateKey: ALICE, content: { membership: 'join' } };
  const { roomId, events } = await db.transaction((transaction) =>
    roomWriter.create(transaction, { version, creator: ALICE, content: {}, drafts: [member] }),
  );
  for (const remote of remotes) {
    remote.rooms.set(
      roomId,
      new RemoteRoom(
        version,
        events.map(({ event }) => event),
      ),
    );
    await db('public.federationsender_joined_hosts').insert({
      room_id: roomId,
      event_id: `$join-of:${remote.name}:${roomId}`,
      server_name: remote.name,
    });
  }
  let said = 0;
  return {
    roomId,
    say: (count) =>
      db.transaction(async (transaction) => {
        const drafts = Array.from({ length: count }, () => ({
          type: 'm.room.message',
          sender: ALICE,
          content: { msgtype: 'm.text', body: `${(said += 1)}` },
        }));
        const appended = await roomWriter.append(transaction, roomId, drafts);
        return appended.events.map(({ event }) => event);
      }),
  };
}

/** Queues an EDU for a server. */
export async function queueEdu(db: Knex, destination: string, content: object, expiresAt = 0): Promise<void> {
  const json = JSON.stringify({ edu_type: 'm.typing', origin: LOCAL, content });
  const [row] = await db('public.federationsender_queue_json').insert({ json_body: json }).returning('json_nid');
  await db('public.federationsender_queue_edus').insert({
    edu_type: 'm.typing',
    server_name: destination,
    json_nid: row.json_nid,
    expires_at: expiresAt,
  });
}

/** Counts the rows of the queue: all JSON texts, and the entries for one server. */
export async function countQueued(
  db: Knex,
  destination: string,
): Promise<{ json: number; pdus: number; edus: number }> {
  const { rows } = await db.raw(
    `SELECT (SELECT count(*)::int FROM public.federationsender_queue_json) AS json,
       (SELECT count(*)::int FROM public.federationsender_queue_pdus WHERE server_name = ?) AS pdus,
       (SELECT count(*)::int FROM public.federationsender_queue_edus WHERE server_name = ?) AS edus`,
    [destination, destination],
  );
  return rows[0];
}
