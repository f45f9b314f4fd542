import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FixtureHomeserver, fixture, type Json, roomNamed } from '../reference-host/fixture-homeserver.ts';
import { startClientHomeserver } from './client-homeserver.ts';
import { installNpmPackages, type NpmPackages } from './npm-packages.ts';

/** The parts of the package that this test uses. */
interface BotSdk {
  readonly LogService: { readonly setLogger: (logger: Record<string, () => void>) => void };
  readonly MatrixClient: new (homeserverUrl: string, accessToken: string) => MatrixClient;
}

interface MatrixClient {
  /** Syncs until `stop()`. */
  readonly start: () => Promise<void>;
  readonly stop: () => void;
  readonly on: (event: string, listener: (roomId: string, event: Json) => void) => void;
  readonly createRoom: (request: Record<string, unknown>) => Promise<string>;
  readonly inviteUser: (userId: string, roomId: string) => Promise<void>;
  readonly joinRoom: (roomId: string) => Promise<string>;
  readonly sendText: (roomId: string, text: string) => Promise<string>;
  readonly sendStateEvent: (roomId: string, type: string, stateKey: string, content: unknown) => Promise<string>;
  readonly getRoomStateEvent: (roomId: string, type: string, stateKey: string) => Promise<unknown>;
  readonly getJoinedRoomMembers: (roomId: string) => Promise<string[]>;
  readonly redactEvent: (roomId: string, eventId: string) => Promise<string>;
  readonly setAccountData: (type: string, content: unknown) => Promise<void>;
  readonly getAccountData: (type: string) => Promise<unknown>;
  readonly adminApis: {
    readonly whoisUser: (userId: string) => Promise<unknown>;
    readonly synapse: SynapseAdminApis;
  };
}

interface RegistrationToken {
  readonly token: string;
}

interface SynapseAdminApis {
  readonly isAdmin: (userId: string) => Promise<boolean>;
  readonly isSelfAdmin: () => Promise<boolean>;
  readonly getUser: (userId: string) => Promise<unknown>;
  readonly upsertUser: (userId: string, options: Record<string, unknown>) => Promise<unknown>;
  readonly listUsers: (
    from?: string,
    limit?: number,
    name?: string,
  ) => Promise<{ users: { name: string }[]; next_token?: string; total: number }>;
  readonly listAllUsers: (options: Record<string, unknown>) => AsyncIterable<{ name: string }>;
  readonly listRooms: () => Promise<{ rooms: { room_id: string }[] }>;
  readonly getRoomState: (roomId: string) => Promise<{ type: string }[]>;
  readonly deleteRoom: (roomId: string) => Promise<unknown>;
  readonly getDeleteRoomState: (roomId: string) => Promise<{ status: string }[]>;
  readonly listRegistrationTokens: (valid?: boolean) => Promise<RegistrationToken[]>;
  readonly getRegistrationToken: (token: string) => Promise<RegistrationToken | null>;
  readonly createRegistrationToken: (options: Record<string, unknown>) => Promise<RegistrationToken>;
  readonly updateRegistrationToken: (token: string, options: Record<string, unknown>) => Promise<unknown>;
  readonly deleteRegistrationToken: (token: string) => Promise<unknown>;
}

const { admin, alice, bob } = fixture.users;

let packages: NpmPackages;
let server: FixtureHomeserver;
let asAdmin: MatrixClient;
let asAlice: MatrixClient;
let asBob: MatrixClient;
let synapse: SynapseAdminApis;

beforeAll(async () => {
  packages = await installNpmPackages(['matrix-bot-sdk@0.8.0']);
  // The package's cryptography is a binary that its install script would download. The test does not need it, so a stub takes
  // its place.
  const crypto = join(packages.directory, 'node_modules/@matrix-org/matrix-sdk-crypto-nodejs/index.js');
  await writeFile(crypto, 'module.exports = new Proxy({}, { get: () => class {} });');
  const { MatrixClient, LogService }: BotSdk = packages.load('matrix-bot-sdk');
  const silent = (): void => {};
  LogService.setLogger({ info: silent, warn: silent, error: silent, debug: silent, trace: silent });
  server = await startClientHomeserver();
  asAdmin = new MatrixClient(server.origin, admin.access_token);
  asAlice = new MatrixClient(server.origin, alice.access_token);
  asBob = new MatrixClient(server.origin, bob.access_token);
  synapse = asAdmin.adminApis.synapse;
});
afterAll(async () => {
  await server?.stop();
  await packages?.remove();
});

describe('matrix-bot-sdk', () => {
  test('whois', async () => {
    expect(await asAdmin.adminApis.whoisUser(alice.user_id)).toMatchObject({
      user_id: alice.user_id,
      devices: { shared_secret_registration: { sessions: [{ connections: [{ ip: expect.any(String) }] }] } },
    });
  });

  test('who is an administrator', async () => {
    expect(await synapse.isSelfAdmin()).toBe(true);
    expect(await synapse.isAdmin(alice.user_id)).toBe(false);
    expect(await asAlice.adminApis.synapse.isSelfAdmin()).toBe(false);
  });

  test('users', async () => {
    expect(await synapse.getUser(bob.user_id)).toMatchObject({ displayname: 'bob', deactivated: false });
    expect(await synapse.upsertUser(bob.user_id, { displayname: 'Bob' })).toMatchObject({ displayname: 'Bob' });
    const first = await synapse.listUsers(undefined, 2);
    const second = await synapse.listUsers(first.next_token, 2);
    const names: string[] = [];
    for await (const { name } of synapse.listAllUsers({ limit: 3 })) names.push(name);
    expect(names.slice(0, 4)).toEqual([...first.users, ...second.users].map(({ name }) => name));
    expect(new Set(names).size).toBe(first.total);
  });

  test('two bots meet in a room, talk, and one is evacuated', async () => {
    const heard: string[] = [];
    asBob.on('room.invite', (roomId) => {
      asBob.joinRoom(roomId).catch((error: unknown) => heard.push(String(error)));
    });
    asBob.on('room.join', (roomId) => heard.push(`join ${roomId}`));
    asBob.on('room.message', (_roomId, { content }) => heard.push(`message ${content.body}`));
    asBob.on('room.leave', (roomId) => heard.push(`leave ${roomId}`));
    await Promise.all([asAlice.start(), asBob.start()]);
    try {
      const roomId = await asAlice.createRoom({ name: 'Bots', preset: 'private_chat' });
      await asAlice.inviteUser(bob.user_id, roomId);
      await expect.poll(() => heard).toContain(`join ${roomId}`);
      expect(await asAlice.getJoinedRoomMembers(roomId)).toEqual([alice.user_id, bob.user_id]);
      const eventId = await asAlice.sendText(roomId, 'Hello, bob');
      await expect.poll(() => heard).toContain('message Hello, bob');
      await asAlice.redactEvent(roomId, eventId);
      await asAlice.sendStateEvent(roomId, 'm.room.topic', '', { topic: 'Talk' });
      expect(await asBob.getRoomStateEvent(roomId, 'm.room.topic', '')).toEqual({ topic: 'Talk' });
      await asBob.setAccountData('org.example.bot', { rooms: [roomId] });
      expect(await asBob.getAccountData('org.example.bot')).toEqual({ rooms: [roomId] });
      const evacuation = `/_dendrite/admin/evacuateUser/${encodeURIComponent(bob.user_id)}`;
      expect((await server.call('admin', 'POST', evacuation)).status).toBe(200);
      await expect.poll(() => heard).toContain(`leave ${roomId}`);
    } finally {
      asAlice.stop();
      asBob.stop();
    }
  });

  test('registration tokens', async () => {
    const { token } = await synapse.createRegistrationToken({ token: 'of-a-bot', uses_allowed: 2 });
    expect(token).toBe('of-a-bot');
    expect((await synapse.listRegistrationTokens()).map((listed) => listed.token)).toContain(token);
    expect(await synapse.getRegistrationToken(token)).toMatchObject({ token, uses_allowed: 2 });
    expect(await synapse.getRegistrationToken('there-is-none')).toBeNull();
    await synapse.updateRegistrationToken(token, { uses_allowed: 7 });
    expect(await synapse.getRegistrationToken(token)).toMatchObject({ token, uses_allowed: 7 });
    await synapse.deleteRegistrationToken(token);
    expect(await synapse.getRegistrationToken(token)).toBeNull();
  });

  test('rooms', async () => {
    const roomId = roomNamed('v11');
    expect((await synapse.listRooms()).rooms.map((room) => room.room_id)).toContain(roomId);
    expect((await synapse.getRoomState(roomId)).map(({ type }) => type)).toContain('m.room.create');
    await synapse.deleteRoom(roomId);
    await expect
      .poll(async () => (await synapse.getDeleteRoomState(roomId)).map(({ status }) => status), { timeout: 60_000 })
      .toEqual(['complete']);
    expect((await synapse.listRooms()).rooms.map((room) => room.room_id)).not.toContain(roomId);
  });
});
