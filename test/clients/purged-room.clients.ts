import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { fixture, type Json, roomNamed } from '../reference-host/fixture-homeserver.ts';
import { type HomeserverProcess, startHomeserverProcess } from './homeserver-process.ts';
import { installNpmPackages, type NpmPackages } from './npm-packages.ts';

const PACKAGES = ['matrix-js-sdk@43.0.0', 'fake-indexeddb@6.2.5', 'matrix-bot-sdk@0.8.0'];

type User = keyof typeof fixture.users;

let packages: NpmPackages;
let server: HomeserverProcess;
beforeAll(async () => {
  packages = await installNpmPackages(PACKAGES);
  // The cryptography of the bot SDK is a binary that its install script would download. These tests do not need it.
  const crypto = join(packages.directory, 'node_modules/@matrix-org/matrix-sdk-crypto-nodejs/index.js');
  await writeFile(crypto, 'module.exports = new Proxy({}, { get: () => class {} });');
  // The store of the JS SDK needs a database of the browser, which this package imitates.
  packages.load('fake-indexeddb/auto');
  server = await startHomeserverProcess();
});
afterAll(async () => {
  await server?.stop();
  await packages?.remove();
});

const purge = async (roomId: string): Promise<void> => {
  await server.asAdmin('POST', `/_dendrite/admin/purgeRoom/${encodeURIComponent(roomId)}`, {});
};

/** A running client, and what it has received. */
interface RunningClient {
  /** The rooms that the user has left, in the order in which the client received it. */
  readonly left: readonly string[];
  /** Number of answers of `/sync` that the client has received. */
  readonly answers: () => number;
  /** Stops the client, as if the device had gone offline. The client's store remains. */
  readonly stop: () => Promise<void>;
  readonly leave: (roomId: string) => Promise<unknown>;
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface JsClient extends RunningClient {
  readonly membershipIn: (roomId: string) => string | undefined;
  readonly forget: (roomId: string) => Promise<unknown>;
}

/** Sends a request. If the client has been stopped, an error is not passed on, because nothing in the SDK would handle it. */
const fetchFn: typeof fetch = (input, init) =>
  fetch(input, init).catch((error: unknown) => {
    if (init?.signal?.aborted === true) return new Promise(() => {});
    throw error;
  });

/** Starts a client of the JS SDK. A later client of the same user uses the same store. */
async function startJsClient(user: User): Promise<JsClient> {
  const { createClient, IndexedDBStore } = packages.load('matrix-js-sdk');
  const { user_id: userId, access_token: accessToken } = fixture.users[user];
  const store = new IndexedDBStore({ indexedDB: (globalThis as Json).indexedDB, dbName: user });
  const client = createClient({ baseUrl: server.origin, userId, accessToken, store, fetchFn });
  const left: string[] = [];
  let answers = 0;
  client.on('Room.myMembership', (room: Json, membership: string) => {
    if (membership === 'leave') left.push(room.roomId);
  });
  client.on('sync', (_state: string, _before: string, data: Json) => {
    if (data?.nextSyncToken !== undefined && data.fromCache !== true) answers += 1;
  });
  await store.startup();
  await client.startClient({ initialSyncLimit: 5 });
  const stop = async (): Promise<void> => {
    client.stopClient();
    await store.save(true);
  };
  stops.push(async () => client.stopClient());
  return {
    left,
    answers: () => answers,
    stop,
    membershipIn: (roomId) => client.getRoom(roomId)?.getMyMembership(),
    leave: (roomId) => client.leave(roomId),
    forget: (roomId) => client.forget(roomId),
  };
}

/** Starts a bot. A later bot of the same user uses the same store. */
async function startBot(user: User): Promise<RunningClient> {
  const { MatrixClient, SimpleFsStorageProvider } = packages.load('matrix-bot-sdk');
  const store = new SimpleFsStorageProvider(join(packages.directory, `${user}.json`));
  const client = new MatrixClient(server.origin, fixture.users[user].access_token, store);
  client.syncingTimeout = 1_000;
  const left: string[] = [];
  let answers = 0;
  client.on('room.leave', (roomId: string) => left.push(roomId));
  const processSync = client.processSync.bind(client);
  client.processSync = async (answer: Json) => {
    await processSync(answer);
    answers += 1;
  };
  await client.start();
  const stop = async (): Promise<void> => {
    client.stop();
    // A stopped bot still processes the answer for which it is waiting.
    const last = answers;
    await expect.poll(() => answers).toBeGreaterThan(last);
  };
  stops.push(async () => client.stop());
  return { left, answers: () => answers, stop, leave: (roomId) => client.leaveRoom(roomId) };
}

describe('matrix-js-sdk', () => {
  test('leaves a room, once, that was purged while it was offline and the homeserver started again', async () => {
    const [purged, kept] = [roomNamed('v11'), roomNamed('v9')];
    const [before, online] = [await startJsClient('alice'), await startJsClient('bob')];
    const memberships = (): unknown => [before, online].map((client) => client.membershipIn(purged));
    await expect.poll(memberships).toEqual(['join', 'join']);
    await before.stop();
    await purge(purged);
    // The client of another user is waiting in `/sync`.
    await expect.poll(() => online.membershipIn(purged)).toBe('leave');
    await server.restart();

    const after = await startJsClient('alice');
    await expect.poll(() => after.membershipIn(purged)).toBe('leave');
    expect(after.membershipIn(kept)).toBe('join');
    await after.leave(purged);
    await after.forget(purged);
    expect(after.left).toEqual([purged]);
    await after.stop();
    expect(online.left).toEqual([purged]);

    const again = await startJsClient('alice');
    await expect.poll(again.answers).toBeGreaterThan(0);
    expect([again.left, again.membershipIn(purged), again.membershipIn(kept)]).toEqual([[], undefined, 'join']);
  });
});

describe('matrix-bot-sdk', () => {
  test('leaves a room, once, that was purged while it was offline and the homeserver started again', async () => {
    const purged = roomNamed('v8');
    const before = await startBot('carol');
    await expect.poll(before.answers).toBeGreaterThan(0);
    await before.stop();
    await purge(purged);
    await server.restart();

    const after = await startBot('carol');
    await expect.poll(() => after.left).toEqual([purged]);
    await after.leave(purged);
    // Wait for one more answer. It must not contain the room.
    const answers = after.answers();
    await expect.poll(after.answers).toBeGreaterThan(answers);
    await after.stop();

    const again = await startBot('carol');
    await expect.poll(again.answers).toBeGreaterThan(0);
    expect([after.left, again.left]).toEqual([[purged], []]);
  });
});
