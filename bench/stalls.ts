/**
 * Measures the longest time for which each kind of job blocks the host's event loop. SIZE is the number of members of the
 * rooms, and the number of indexed events. Its default is 10,000. Baseline: the duration of the whole job.
 */
import type { Knex } from 'knex';
import type { FederationSender, RemoteDevices, RemoteState } from '../src/host.ts';
import type { RoomId, ServerName, UserId } from '../src/ids.ts';
import { type AdminPlugin, createAdminPlugin } from '../src/index.ts';
import { postgresSearch } from '../src/search/postgres/index.ts';
import { deviceKeys, deviceSigner } from '../test/support/remote-devices.ts';
import { makeAccounts } from './account-data.ts';
import { withBenchDatabase } from './bench-database.ts';
import { watchEventLoop } from './event-loop.ts';
import { federationOf, stateWithRemoteJoins } from './remote-joins.ts';
import { type BenchResult, report, rounded } from './report.ts';
import { addMessages, makeRoom, SERVER_NAME, SIGNING_KEY, userNamed } from './room-data.ts';

const SIZE = Number(process.env.SIZE ?? 10_000);
/** The number of the user's rooms, of accounts that get a notice, and of refreshed devices. */
const FEW = Math.min(Math.ceil(SIZE / 100), 2_000);
const REMOTE = 'remote.example' as ServerName;
const REMOTE_USER = `@remote0:${REMOTE}` as UserId;
const CALLER = { actor: { kind: 'system', name: 'bench' } } as const;

/** The answers of the other server. */
interface RemoteAnswers {
  state: RemoteState;
  readonly devices: RemoteDevices;
}

async function measure(name: string, work: () => Promise<unknown>): Promise<BenchResult> {
  const { longestStallMs, tookMs } = await watchEventLoop(work);
  console.log(`${name.padEnd(18)} longest stall ${Math.round(longestStallMs)} ms, whole job ${Math.round(tookMs)} ms`);
  return {
    name: `${name}-${SIZE}`,
    value: rounded(longestStallMs),
    unit: 'ms',
    baseline: rounded(tookMs),
    ratio: rounded(tookMs / longestStallMs),
  };
}

function answersOf(): RemoteAnswers {
  const devices = Array.from({ length: FEW }, (_, n) => {
    const deviceId = `DEVICE${n}`;
    return { deviceId, keys: deviceKeys(REMOTE_USER, deviceId, deviceSigner(deviceId)) };
  });
  return { state: { state: [], authChain: [] }, devices: { streamId: 1, devices } };
}

async function joinEverywhere(db: Knex, admin: AdminPlugin, roomIds: readonly RoomId[]): Promise<UserId> {
  const userId = userNamed('everywhere');
  const draft = { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } };
  for (const roomId of roomIds) {
    await db.transaction((transaction) => admin.rooms.append(transaction, roomId, [draft]));
  }
  return userId;
}

async function measureAll(db: Knex, admin: AdminPlugin, answers: RemoteAnswers): Promise<BenchResult[]> {
  const { operations, rooms } = admin;
  const downloaded = await makeRoom(db, rooms, 'downloaded', 1);
  answers.state = await stateWithRemoteJoins(db, downloaded, SIZE);
  const evacuated = await makeRoom(db, rooms, 'evacuated', SIZE);
  const deleted = await makeRoom(db, rooms, 'deleted', SIZE);
  await addMessages(db, deleted, SIZE);
  await makeAccounts(db, FEW);
  console.log(`created rooms of ${SIZE} members`);
  const results = [
    await measure('downloadState', () => operations.downloadState({ roomId: downloaded, serverName: REMOTE }, CALLER)),
    await measure('again', () => operations.downloadState({ roomId: downloaded, serverName: REMOTE }, CALLER)),
    await measure('refreshDevices', () => operations.refreshDevices({ userId: REMOTE_USER }, CALLER)),
    await measure('sendServerNotices', () =>
      operations.sendServerNotices({ content: { msgtype: 'm.text', body: 'hello' } }, CALLER),
    ),
    await measure('reindexFulltext', () => operations.reindexFulltext({}, CALLER)),
  ];
  const small: RoomId[] = [];
  for (let n = 0; n < FEW; n++) small.push(await makeRoom(db, rooms, `small${n}`, 0));
  const userId = await joinEverywhere(db, admin, [evacuated, downloaded, ...small]);
  results.push(
    await measure('evacuateUser', () => operations.evacuateUser({ userId }, CALLER)),
    await measure('evacuateRoom', () => operations.evacuateRoom({ roomId: evacuated }, CALLER)),
    await measure('purgeRoom', () => operations.purgeRoom({ roomId: evacuated }, CALLER)),
    await measure('deleteRoom', () => operations.deleteRoom({ roomId: deleted }, CALLER)),
  );
  return results;
}

async function run(db: Knex): Promise<BenchResult[]> {
  const answers = answersOf();
  const federation: FederationSender = {
    ...federationOf(() => answers.state, SIGNING_KEY),
    queryDevices: async () => answers.devices,
  };
  const admin = createAdminPlugin(
    { serverName: SERVER_NAME, db, signingKeys: [SIGNING_KEY], federation },
    { search: postgresSearch(), serverNotices: {} },
  );
  await admin.start();
  try {
    return await measureAll(db, admin, answers);
  } finally {
    await admin.stop();
  }
}

report('stalls', await withBenchDatabase(0, ({ db }) => run(db)));
