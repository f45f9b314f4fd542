import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoopWatch, watchEventLoop } from '../../bench/event-loop.ts';
import { federationOf, stateWithRemoteJoins } from '../../bench/remote-joins.ts';
import { makeRoom, SERVER_NAME, SIGNING_KEY } from '../../bench/room-data.ts';
import type { RemoteState } from '../../src/host.ts';
import type { ServerName } from '../../src/ids.ts';
import { type AdminPlugin, createAdminPlugin } from '../../src/plugin.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const CALLER = { actor: { kind: 'system', name: 'test' } } as const;
const REMOTE = 'remote.example' as ServerName;
const MEMBERS = 3_000;

let database: TestDatabase;
let admin: AdminPlugin;
let remote: RemoteState = { state: [], authChain: [] };
beforeAll(async () => {
  database = await createTestDatabase();
  const federation = federationOf(() => remote, SIGNING_KEY);
  admin = createAdminPlugin({ serverName: SERVER_NAME, db: database.db, signingKeys: [SIGNING_KEY], federation });
  await admin.start();
});
afterAll(async () => {
  await admin.stop();
  await database.drop();
});

/** Checks that a request to the host waits for at most a fifth of the whole work. */
function expectNoStall({ longestStallMs, tookMs }: LoopWatch<unknown>): void {
  expect(longestStallMs, `of ${Math.round(tookMs)} ms`).toBeLessThan(tookMs / 5);
}

describe('a timer keeps firing', () => {
  it('while the state of a large room is downloaded', async () => {
    const { db } = database;
    const roomId = await makeRoom(db, admin.rooms, 'downloaded', 1);
    remote = await stateWithRemoteJoins(db, roomId, MEMBERS);
    const input = { roomId, serverName: REMOTE };
    const watched = await watchEventLoop(() => admin.operations.downloadState(input, CALLER));
    expect(watched.value).toEqual({ added: MEMBERS, removed: 0 });
    expectNoStall(watched);
  });
});
