import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FixtureHomeserver, fixture, type Json } from '../reference-host/fixture-homeserver.ts';
import { startClientHomeserver } from './client-homeserver.ts';
import { installNpmPackages, type NpmPackages } from './npm-packages.ts';

/** The parts of the package that this test uses. */
interface JsSdk {
  readonly createClient: (options: Record<string, unknown>) => MatrixClient;
}

interface MatrixClient {
  /** Syncs until `stopClient()`. */
  readonly startClient: (options: Record<string, unknown>) => Promise<void>;
  readonly stopClient: () => void;
  readonly on: (event: string, listener: (...details: Json[]) => void) => void;
  readonly createRoom: (request: Record<string, unknown>) => Promise<{ room_id: string }>;
  readonly invite: (roomId: string, userId: string) => Promise<unknown>;
  readonly joinRoom: (roomId: string) => Promise<unknown>;
  readonly getRoom: (roomId: string) => { readonly name: string; readonly getMyMembership: () => string } | null;
  readonly publicRooms: (search: Record<string, unknown>) => Promise<{ chunk: { room_id: string }[] }>;
  readonly setDisplayName: (name: string) => Promise<unknown>;
  readonly logout: (stop: boolean) => Promise<unknown>;
  readonly isSynapseAdministrator: () => Promise<boolean>;
  readonly whoisSynapseUser: (userId: string) => Promise<unknown>;
  readonly deactivateSynapseUser: (userId: string) => Promise<unknown>;
  readonly getCapabilities: () => Promise<unknown>;
  readonly http: {
    readonly authedRequest: (
      method: string,
      path: string,
      query: Record<string, string> | undefined,
      body: unknown,
      options: { readonly prefix: string },
    ) => Promise<unknown>;
  };
}

const { admin, alice, bob, erin } = fixture.users;

const nothing = (): void => {};
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing, getChild: () => silent };

let packages: NpmPackages;
let server: FixtureHomeserver;
let asAdmin: MatrixClient;
let asAlice: MatrixClient;
let asBob: MatrixClient;

beforeAll(async () => {
  packages = await installNpmPackages(['matrix-js-sdk@43.0.0']);
  const { createClient }: JsSdk = packages.load('matrix-js-sdk');
  server = await startClientHomeserver();
  const clientOf = ({ user_id: userId, access_token: accessToken }: typeof admin): MatrixClient =>
    createClient({ baseUrl: server.origin, userId, accessToken, logger: silent });
  asAdmin = clientOf(admin);
  asAlice = clientOf(alice);
  asBob = clientOf(bob);
});
afterAll(async () => {
  await server?.stop();
  await packages?.remove();
});

describe('matrix-js-sdk', () => {
  test('who is an administrator', async () => {
    expect(await asAdmin.isSynapseAdministrator()).toBe(true);
    await expect(asAlice.isSynapseAdministrator()).rejects.toMatchObject({ errcode: 'M_FORBIDDEN', httpStatus: 403 });
  });

  test('whois', async () => {
    expect(await asAdmin.whoisSynapseUser(alice.user_id)).toMatchObject({
      user_id: alice.user_id,
      devices: { shared_secret_registration: expect.anything() },
    });
  });

  test('two clients sync, meet in a room, talk, and one is evacuated', async () => {
    const states: string[] = [];
    const heard: string[] = [];
    asAlice.on('sync', (state) => states.push(`alice ${state}`));
    asBob.on('sync', (state) => states.push(`bob ${state}`));
    asBob.on('Room.myMembership', (room, membership) => {
      heard.push(`${membership} ${room.roomId}`);
      if (membership === 'invite') asBob.joinRoom(room.roomId).catch((error: unknown) => heard.push(String(error)));
    });
    asBob.on('Room.timeline', (event) => heard.push(`${event.getType()} ${event.getContent().body}`));
    asBob.on('RoomMember.name', (_event, member) => heard.push(`name ${member.name}`));
    await Promise.all([asAlice.startClient({ initialSyncLimit: 5 }), asBob.startClient({ lazyLoadMembers: true })]);
    try {
      await expect.poll(() => states).toEqual(expect.arrayContaining(['alice PREPARED', 'bob PREPARED']));
      const room = { name: 'Clients', visibility: 'public', preset: 'private_chat' };
      const { room_id: roomId } = await asAlice.createRoom(room);
      await asAlice.invite(roomId, bob.user_id);
      await expect.poll(() => heard).toContain(`join ${roomId}`);
      await expect.poll(() => asBob.getRoom(roomId)?.name).toBe('Clients');
      const found = await asBob.publicRooms({ filter: { generic_search_term: 'clients' } });
      expect(found.chunk.map(({ room_id: id }) => id)).toEqual([roomId]);
      // The package's own method needs Node 22.
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/1`;
      await server.call('alice', 'PUT', path, { msgtype: 'm.text', body: 'Hello, bob' });
      await expect.poll(() => heard).toContain('m.room.message Hello, bob');
      await asAlice.setDisplayName('Alice the Great');
      await expect.poll(() => heard).toContain('name Alice the Great');
      const evacuation = `/_dendrite/admin/evacuateUser/${encodeURIComponent(bob.user_id)}`;
      expect((await server.call('admin', 'POST', evacuation)).status).toBe(200);
      await expect.poll(() => heard).toContain(`leave ${roomId}`);
      expect(asBob.getRoom(roomId)?.getMyMembership()).toBe('leave');
    } finally {
      asAlice.stopClient();
      asBob.stopClient();
    }
    await asBob.logout(true);
    expect((await server.call('bob', 'GET', '/_matrix/client/v3/account/whoami')).status).toBe(401);
  });

  test('suspending and locking, with the capability', async () => {
    const moderate = (method: string, what: string, body?: unknown): Promise<unknown> =>
      asAdmin.http.authedRequest(method, `/admin/${what}/${encodeURIComponent(erin.user_id)}`, undefined, body, {
        prefix: '/_matrix/client/v1',
      });
    expect(await asAdmin.getCapabilities()).toMatchObject({ 'm.account_moderation': { suspend: true, lock: true } });
    expect(await asAlice.getCapabilities()).not.toHaveProperty('m.account_moderation');
    expect(await moderate('PUT', 'suspend', { suspended: true })).toEqual({ suspended: true });
    expect(await moderate('GET', 'suspend')).toEqual({ suspended: true });
    expect(await moderate('PUT', 'lock', { locked: true })).toEqual({ locked: true });
    expect(await moderate('PUT', 'lock', { locked: false })).toEqual({ locked: false });
  });

  test('deactivating', async () => {
    expect(await asAdmin.deactivateSynapseUser(erin.user_id)).toEqual({ id_server_unbind_result: 'success' });
    expect((await server.call('erin', 'GET', '/_matrix/client/v3/account/whoami')).status).toBe(401);
  });
});
