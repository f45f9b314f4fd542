import type { Knex } from 'knex';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FederationError } from '../../src/errors.ts';
import type { RemoteDevices } from '../../src/host.ts';
import type { UserId } from '../../src/ids.ts';
import type { Actor } from '../../src/operations/actor.ts';
import type { AdminPlugin } from '../../src/plugin.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const SYSTEM: Actor = { kind: 'system', name: 'nightly: refresh' };
const ZOE = '@zoe:other.example' as UserId;
const REFRESH = `/_dendrite/admin/refreshDevices/${ZOE}`;
const CALLER = { actor: SYSTEM, requestId: 'mine' };

/** The server of the user whose devices are refreshed. The test decides when and how this server answers. */
interface Peer {
  asked: number;
  answer: () => void;
  refuse: (error: Error) => void;
}

let database: TestDatabase;
let db: Knex;
let plugin: MountedPlugin;
let operations: AdminPlugin['operations'];
let peer: Peer;
/** Users about whom the host was told. */
let told: string[];
beforeAll(async () => {
  database = await createTestDatabase({ fixture: true });
  ({ db } = database);
});
afterAll(() => database.drop());
beforeEach(async () => {
  told = [];
  let answer = (): void => {};
  let refuse = (_error: Error): void => {};
  const answered = new Promise<RemoteDevices>((resolve, reject) => {
    answer = () => resolve({ streamId: 1, devices: [] });
    refuse = reject;
  });
  // The test settles this promise later. Until then, nobody handles a rejection.
  answered.catch(() => {});
  peer = { asked: 0, answer, refuse };
  const queryDevices = async (): Promise<RemoteDevices> => {
    peer.asked += 1;
    return answered;
  };
  plugin = await mountPlugin({
    database,
    host: {
      federation: { wake: () => {}, queryDevices },
      notifier: { roomsChanged: () => {}, usersChanged: (users) => void told.push(...users) },
    },
    options: { jobs: { pollIntervalMs: 50, leaseMs: 1_000 } },
  });
  ({ operations } = plugin.admin);
});
afterEach(async () => {
  peer.answer();
  await plugin.close();
  await db.raw('TRUNCATE matrix_admin.jobs, matrix_admin.audit CASCADE');
});

const untilAsked = (): Promise<void> => expect.poll(() => peer.asked, { interval: 5 }).toBeGreaterThan(0);
const outcomes = async (): Promise<Record<string, number>> => {
  const counts = ['ok', 'refused', 'failed', 'cancelled'].map(async (outcome) => {
    const labels = { operation: 'refreshDevices', outcome };
    return [outcome, await plugin.metric('matrix_admin_operations_total', labels)] as const;
  });
  return Object.fromEntries((await Promise.all(counts)).filter(([, count]) => count > 0));
};
/** Returns the number of durations in the metrics, and their sum in seconds. */
async function durations(): Promise<{ readonly count: number; readonly seconds: number }> {
  const text = await plugin.registry.getSingleMetricAsString('matrix_admin_operation_duration_seconds');
  const read = (part: string): number =>
    Number(new RegExp(`_${part}\\{operation="refreshDevices"\\} (\\S+)`).exec(text)?.[1] ?? 0);
  return { count: read('count'), seconds: read('sum') };
}
const cancel = (jobId: string): Promise<unknown> => operations.cancelJob({ jobId }, CALLER);
/** Collects the events that hooks get after successful refreshes. */
function listen(): unknown[] {
  const events: unknown[] = [];
  plugin.admin.hooks.after('refreshDevices', { name: 'listen' }, (event) => void events.push(event));
  return events;
}

describe('an operation that is a job', () => {
  it('is counted when its job has ended, with the seconds since the call', async () => {
    const called = operations.refreshDevices({ userId: ZOE }, CALLER);
    await untilAsked();
    expect([await outcomes(), await durations()]).toEqual([{}, { count: 0, seconds: 0 }]);
    peer.answer();
    expect(await called).toEqual({ devices: 0, removed: 0 });
    await expect.poll(outcomes).toEqual({ ok: 1 });
    const { count, seconds } = await durations();
    expect(count).toBe(1);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(20);
  });

  it.each<[string, Actor]>([
    ['the system', SYSTEM],
    ['a user', { kind: 'user', userId: USERS.admin.user_id as UserId }],
  ])('passes to hooks the input of the call by %s, and the result', async (_name, actor) => {
    const events = listen();
    peer.answer();
    const result = await operations.refreshDevices({ userId: ZOE }, { actor, requestId: 'mine' });
    const input = { userId: ZOE, dryRun: false };
    await expect.poll(() => events).toEqual([{ operation: 'refreshDevices', input, actor, requestId: 'mine', result }]);
  });

  it('tells the host what it has changed', async () => {
    peer.answer();
    await operations.refreshDevices({ userId: ZOE }, CALLER);
    await expect.poll(() => told).toEqual([ZOE]);
    await operations.evacuateUser({ userId: USERS.alice.user_id }, CALLER);
    await expect.poll(() => told).toContain(USERS.alice.user_id);
  });

  it('that is cancelled rejects waiting calls, and calls no hooks', async () => {
    const events = listen();
    const called = operations.refreshDevices({ userId: ZOE }, CALLER);
    called.catch(() => {});
    const answered = plugin.asAdmin(REFRESH, { method: 'POST' });
    await untilAsked();
    const jobId = (await operations.listJobs({}, CALLER)).jobs[0]?.id ?? '';
    await cancel(jobId);
    const error = { errcode: 'M_BAD_STATE', message: 'the job was cancelled', status: 409, fields: { job_id: jobId } };
    await expect(called).rejects.toMatchObject(error);
    const { status, text } = await answered;
    expect([status, JSON.parse(text)]).toEqual([
      409,
      { errcode: 'M_BAD_STATE', error: 'the job was cancelled', job_id: jobId },
    ]);
    await expect.poll(outcomes).toEqual({ cancelled: 1 });
    expect((await durations()).count).toBe(1);
    expect(events).toEqual([]);
  });

  it.each([
    [new FederationError('refused', 'nobody of this name', { status: 404 }), 404, 'M_NOT_FOUND'],
    [new FederationError('refused', 'not for you', { status: 401 }), 403, 'M_FORBIDDEN'],
    [new FederationError('bad_answer', 'not a list of devices'), 502, 'M_UNKNOWN'],
  ])('that fails is refused for the reason of its job: %s', async (failure, status, errcode) => {
    const events = listen();
    peer.refuse(failure);
    const called = operations.refreshDevices({ userId: ZOE }, CALLER);
    const job_id = expect.stringMatching(/^[0-9a-f-]{36}$/);
    await expect(called).rejects.toMatchObject({ errcode, status, message: failure.message, fields: { job_id } });
    const answer = await plugin.asAdmin(REFRESH, { method: 'POST' });
    expect([answer.status, jsonOf(answer)]).toMatchObject([status, { errcode, error: failure.message, job_id }]);
    await expect.poll(outcomes).toEqual({ failed: 2 });
    expect(events).toEqual([]);
  });

  it('that fails is refused for the reason of its job, even if the end of the job takes long', async () => {
    await db.raw(`CREATE FUNCTION end_slowly() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(0.6); RETURN NEW; END $$`);
    await db.raw(`CREATE TRIGGER end_slowly BEFORE UPDATE ON matrix_admin.jobs
      FOR EACH ROW WHEN (NEW.state = 'failed') EXECUTE FUNCTION end_slowly()`);
    peer.refuse(new FederationError('refused', 'nobody of this name', { status: 404 }));
    const answer = await plugin.asAdmin(REFRESH, { method: 'POST' });
    await db.raw('DROP FUNCTION end_slowly CASCADE');
    expect([answer.status, jsonOf(answer).error]).toEqual([404, 'nobody of this name']);
  });

  it.each([
    [{ errcode: null, error: null, error_status: null }, 'M_UNKNOWN', 500, 'the job has failed'],
    [{ errcode: 'M_NOT_FOUND', error: 'gone', error_status: null }, 'M_NOT_FOUND', 404, 'gone'],
    [{ errcode: 'ORG_EXAMPLE', error: 'why', error_status: 418 }, 'M_UNKNOWN', 418, 'why'],
  ])('may fail in a process of another version: as %j', async (fields, errcode, status, message) => {
    const called = operations.refreshDevices({ userId: ZOE }, CALLER);
    called.catch(() => {});
    await untilAsked();
    await db('matrix_admin.jobs').update({ ...fields, state: 'failed', lease_owner: null, finished_at: db.fn.now() });
    await expect(called).rejects.toMatchObject({ name: 'MatrixError', errcode, status, message });
  });
});

describe('the job of an operation', () => {
  const room = `!no-such-room:${SERVER_NAME}`;

  it('is not queued if the operation refuses the call', async () => {
    await expect(operations.evacuateRoom.start({ roomId: room }, CALLER)).rejects.toMatchObject({
      errcode: 'M_NOT_FOUND',
    });
    expect(await db('matrix_admin.jobs')).toEqual([]);
    expect(await db('matrix_admin.audit').select('outcome', 'job_id')).toEqual([{ outcome: 'refused', job_id: null }]);
  });

  it('is not named by the audit if it could not be committed', async () => {
    await db.raw(`CREATE FUNCTION refuse_commit() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'not this time'; END $$`);
    await db.raw(`CREATE CONSTRAINT TRIGGER refuse_commit AFTER INSERT ON matrix_admin.jobs
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_commit()`);
    const called = operations.refreshDevices.start({ userId: ZOE }, CALLER);
    await expect(called).rejects.toThrow('not this time');
    await db.raw('DROP FUNCTION refuse_commit CASCADE');
    expect(await db('matrix_admin.audit').select('outcome', 'job_id')).toEqual([{ outcome: 'failed', job_id: null }]);
    const { level, fields } = plugin.logger.lines.find(({ message }) => message === 'Operation failed') ?? {};
    expect([level, fields]).toEqual([
      'error',
      expect.objectContaining({ operation: 'refreshDevices', actor: 'system:nightly: refresh', requestId: 'mine' }),
    ]);
  });

  it('has audit entries for its start and its end, even for a rebuild without a waiting caller', async () => {
    const { jobId } = await operations.reindexFulltext.start({}, CALLER);
    await plugin.admin.jobs.wait(jobId);
    expect(await db('matrix_admin.audit').orderBy('id').select('operation', 'outcome', 'job_id')).toEqual([
      { operation: 'reindexFulltext', outcome: 'queued', job_id: jobId },
      { operation: 'reindexFulltext', outcome: 'ok', job_id: jobId },
    ]);
  });
});
