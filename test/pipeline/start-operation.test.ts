import { afterAll, beforeAll, expect, expectTypeOf, it } from 'vitest';
import type { RoomId } from '../../src/ids.ts';
import { JOB_OPERATIONS, OPERATIONS } from '../../src/operations/operations.ts';
import type { AdminPlugin } from '../../src/plugin.ts';
import { USERS } from '../support/dendrite-server.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { TEST_ACTOR } from '../support/search-plugin.ts';

const CALLER = { actor: TEST_ACTOR, requestId: 'mine' };

let plugin: MountedPlugin;
let admin: AdminPlugin;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ admin } = plugin);
});
afterAll(() => plugin.close());

const audits = (id: string): PromiseLike<Record<string, unknown>[]> =>
  plugin.database
    .db('matrix_admin.audit')
    .where({ job_id: id })
    .orderBy('id')
    .select('operation', 'outcome', 'request_id');

/** The compiler checks this function. Nobody calls it. */
function typed({ purgeRoom, emptyRooms, reindexFulltext }: AdminPlugin['operations']): void {
  const roomId = '!r:x' as RoomId;
  expectTypeOf(purgeRoom.start({ roomId }, CALLER)).resolves.toEqualTypeOf<{
    readonly jobId: string;
    readonly joined: boolean;
  }>();
  expectTypeOf(emptyRooms).not.toHaveProperty('start');
  expectTypeOf(reindexFulltext.start({}, CALLER)).resolves.toHaveProperty('jobId');
  // @ts-expect-error another operation's input
  expectTypeOf(purgeRoom.start({ userId: '@u:x' }, CALLER)).resolves.toBeObject();
  // @ts-expect-error a dry run has no job
  expectTypeOf(purgeRoom.start({ roomId, dryRun: true }, CALLER)).resolves.toBeObject();
}
void typed;

it('starts a job that can be watched to its end', async () => {
  const userId = USERS.alice.user_id as never;
  const { jobId } = await admin.operations.evacuateUser.start({ userId }, CALLER);
  expect(await admin.operations.getJob({ jobId }, CALLER)).toMatchObject({ kind: 'evacuateUser', target: userId });
  const states: string[] = [];
  for await (const { state } of admin.jobs.watch(jobId)) states.push(state);
  expect(states.at(-1)).toBe('succeeded');
  expect(await admin.jobs.wait(jobId)).toMatchObject({ result: { affected: expect.any(Array) } });
  expect(await audits(jobId)).toEqual([
    { operation: 'evacuateUser', outcome: 'queued', request_id: 'mine' },
    { operation: 'evacuateUser', outcome: 'ok', request_id: 'mine' },
  ]);
});

it('joins a job with the same input', async () => {
  const userId = USERS.bob.user_id as never;
  const started = await Promise.all([1, 2].map(() => admin.operations.evacuateUser.start({ userId }, CALLER)));
  expect(new Set(started.map(({ jobId }) => jobId)).size).toBe(1);
  await admin.jobs.wait(started[0]?.jobId ?? '');
});

it('refuses what the operation refuses, and dry runs, which have no job', async () => {
  const { evacuateUser } = admin.operations;
  const jobs = (): PromiseLike<unknown[]> => plugin.database.db('matrix_admin.jobs').select('id');
  const before = await jobs();
  const alice = USERS.alice.user_id as never;
  await expect(evacuateUser.start({ userId: alice }, { actor: { kind: 'user', userId: alice } })).rejects.toMatchObject(
    { errcode: 'M_FORBIDDEN' },
  );
  await expect(evacuateUser.start({ userId: 'nobody' }, CALLER)).rejects.toMatchObject({
    errcode: 'M_INVALID_PARAM',
  });
  const dryRun = { userId: alice, dryRun: true as never };
  await expect(evacuateUser.start(dryRun, CALLER)).rejects.toMatchObject({
    errcode: 'M_INVALID_PARAM',
    message: 'bad parameter "dryRun": a dry run has no job: call the operation itself',
  });
  expect(await jobs()).toEqual(before);
});

it('exists exactly for the operations that are jobs', () => {
  const startable = Object.entries(admin.operations).flatMap(([name, call]) => ('start' in call ? [name] : []));
  expect(startable).toEqual(Object.keys(OPERATIONS).filter((name) => JOB_OPERATIONS.includes(name as never)));
});
