import type { Knex } from 'knex';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { wireForm } from '../../src/http/route.ts';
import { isUserId, type UserId } from '../../src/ids.ts';
import type { Actor } from '../../src/operations/actor.ts';
import { deny, type Hooks } from '../../src/pipeline/hooks.ts';
import type { AdminPlugin } from '../../src/plugin.ts';
import { addAccount, SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const SYSTEM: Actor = { kind: 'system', name: 'test' };
const NO_JOB = '01234567-89ab-4def-8123-456789abcdef';

function userId(text: string): UserId {
  if (!isUserId(text)) throw new Error(`not a user id: ${text}`);
  return text;
}

const user = (text: string): Actor => ({ kind: 'user', userId: userId(text) });
const ADMIN = user(USERS.admin.user_id);

let plugin: MountedPlugin;
let db: Knex;
let operations: AdminPlugin['operations'];
let hooks: Hooks;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
  ({ operations, hooks } = plugin.admin);
});
afterAll(() => plugin.close());

const undo: (() => unknown)[] = [];
beforeEach(async () => {
  await db('matrix_admin.audit').del();
  await db('matrix_admin.jobs').del();
  plugin.logger.lines.length = 0;
});
afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

const addJob = async (fields: Record<string, unknown> = {}): Promise<string> => {
  const [row] = await db('matrix_admin.jobs')
    .insert({ kind: 'test', created_by: 'x', ...fields })
    .returning('id');
  return row.id;
};
const isCancelled = async (id: string): Promise<boolean> =>
  (await db('matrix_admin.jobs').where({ id }).first()).cancel_requested;
/** Reads the audit entries of calls. Entries of jobs that these calls cancel are left out. */
const audits = (): PromiseLike<Record<string, unknown>[]> =>
  db('matrix_admin.audit').whereNot({ outcome: 'cancelled' }).orderBy('id');

describe('an operation in-process', () => {
  it.each<[unknown, RegExp]>([
    [undefined, /there is no caller; actor must be \{ kind: 'user'/],
    [{}, /the caller has no actor; /],
    [{ actor: 'admin' }, /actor is not an object; /],
    [{ actor: { kind: 'root' } }, /actor\.kind is neither "user" nor "system"; /],
    [{ actor: { kind: 'user', userId: 'alice' } }, /actor\.userId is not a user id; /],
    [{ actor: { kind: 'user' } }, /actor\.userId is not a user id; /],
    [{ actor: { kind: 'system' } }, /actor\.name is not a text; /],
  ])('called by %j is refused with the required actor', async (caller, problem) => {
    const input = { userId: USERS.bob.user_id } as never;
    for (const call of [operations.listJobs, operations.resetPassword, operations.evacuateUser.start]) {
      const called = call(input, caller as never);
      await expect(called).rejects.toThrow(TypeError);
      await expect(called).rejects.toThrow(problem);
    }
    expect(await audits()).toEqual([]);
  });

  it('returns the same as over HTTP, with keys in camelCase', async () => {
    const id = await addJob({ done: 1, total: 3 });
    await addJob({ state: 'failed', finished_at: new Date() });
    const shown = await operations.getJob({ jobId: id }, { actor: ADMIN });
    expect(wireForm(shown)).toEqual(jsonOf(await plugin.asAdmin(`/_dendrite/admin/jobs/${id}`)));
    expect(Object.keys(shown).filter((key) => key.includes('_'))).toEqual([]);
    const { jobs, nextToken } = await operations.listJobs({ limit: 1 }, { actor: ADMIN });
    expect(wireForm({ jobs, nextToken })).toEqual(jsonOf(await plugin.asAdmin('/_dendrite/admin/jobs?limit=1')));
    const job = await operations.cancelJob({ jobId: id }, { actor: ADMIN });
    const { entries } = await operations.listAudit({ operation: 'cancelJob' }, { actor: ADMIN });
    expect(entries[0]).toMatchObject({ actor: USERS.admin.user_id, target: id, outcome: 'ok', address: undefined });
    expect(wireForm(job)).toEqual(
      jsonOf(await plugin.asAdmin(`/_dendrite/admin/jobs/${id}/cancel`, { method: 'POST' })),
    );
  });

  it.each<[string, Actor]>([
    ['the system', SYSTEM],
    ['an administrator', ADMIN],
    ['an administrator by the spelling of old accounts', user(USERS.admin.user_id.replace('admin', 'ADMIN'))],
    ['an administrator already looked up', { kind: 'user', userId: userId('@not.there:x'), accountType: 3 }],
  ])('may be run by %s', async (_title, actor) => {
    expect(await operations.listJobs({}, { actor })).toEqual({ jobs: [], nextToken: undefined });
  });

  it('may be run by no other actor', async () => {
    await addAccount(db, { localpart: 'old_admin', accountType: 3, deactivated: true });
    await addAccount(db, { localpart: 'guest', accountType: 2 });
    const refused = { errcode: 'M_FORBIDDEN', status: 403, message: 'This API can only be used by admin users.' };
    const people: [Actor, object][] = [
      [user(USERS.alice.user_id), refused],
      [user(`@nobody:${SERVER_NAME}`), refused],
      [user('@admin:elsewhere.example'), refused],
      [user(`@old_admin:${SERVER_NAME}`), refused],
      [user(`@guest:${SERVER_NAME}`), { errcode: 'M_GUEST_ACCESS_FORBIDDEN', message: 'Guest access not allowed' }],
      [{ ...user(USERS.admin.user_id), accountType: 1 } as Actor, refused],
    ];
    for (const [actor, error] of people) {
      await expect(operations.cancelJob({ jobId: NO_JOB }, { actor })).rejects.toMatchObject(error);
    }
    expect((await audits()).map(({ outcome, errcode }) => [outcome, errcode])).toEqual(
      people.map(([, error]) => ['refused', 'errcode' in error ? error.errcode : '']),
    );
  });

  it.each<[unknown, object]>([
    [{}, { errcode: 'M_MISSING_PARAM', message: 'missing parameter "jobId"' }],
    [{ jobId: undefined }, { errcode: 'M_MISSING_PARAM' }],
    [{ jobId: null }, { errcode: 'M_INVALID_PARAM' }],
    [{ jobId: 7 }, { errcode: 'M_INVALID_PARAM', message: expect.stringContaining('"jobId"') }],
    [{ jobId: 'a\0b' }, { errcode: 'M_INVALID_PARAM', message: expect.stringContaining('"jobId"') }],
    [{ jobId: '\ud83d' }, { errcode: 'M_INVALID_PARAM' }],
    [{ jobId: 'x' }, { errcode: 'M_NOT_FOUND', status: 404 }],
    [undefined, { status: 400 }],
    ['text', { status: 400 }],
  ])('with the input %j is refused', async (input, error) => {
    await expect(operations.cancelJob(input as { jobId: string }, { actor: SYSTEM })).rejects.toMatchObject({
      name: 'MatrixError',
      ...error,
    });
    expect(await audits()).toMatchObject([{ outcome: 'refused', actor: 'system:test', operation: 'cancelJob' }]);
  });

  it('is audited under the given request id, or under a new one', async () => {
    const jobId = await addJob();
    await operations.cancelJob({ jobId }, { actor: SYSTEM, requestId: 'mine', address: '192.0.2.1' });
    await operations.cancelJob({ jobId }, { actor: SYSTEM });
    const [first, second] = await audits();
    expect(first).toMatchObject({
      request_id: 'mine',
      address: '192.0.2.1',
      outcome: 'ok',
      target: jobId,
      errcode: null,
    });
    expect(second?.request_id).toMatch(/^[\w-]{12}$/);
  });

  it('that only reads has no entry', async () => {
    await operations.listJobs({}, { actor: SYSTEM });
    await expect(operations.getJob({ jobId: NO_JOB }, { actor: SYSTEM })).rejects.toMatchObject({ status: 404 });
    expect(await audits()).toEqual([]);
  });

  it('increases its counters by exactly one', async () => {
    const outcomes = ['ok', 'refused', 'failed'];
    const counts = async (): Promise<number[]> => [
      ...(await Promise.all(
        outcomes.map((outcome) => plugin.metric('matrix_admin_operations_total', { operation: 'cancelJob', outcome })),
      )),
      await countDurations(),
    ];
    const countDurations = async (): Promise<number> => {
      const text = await plugin.registry.getSingleMetricAsString('matrix_admin_operation_duration_seconds');
      return Number(/_count\{operation="cancelJob"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    const moved = async (work: () => Promise<unknown>): Promise<number[]> => {
      const before = await counts();
      await work().catch(() => {});
      return (await counts()).map((count, at) => count - (before[at] ?? 0));
    };
    const jobId = await addJob();
    expect(await moved(() => operations.cancelJob({ jobId }, { actor: SYSTEM }))).toEqual([1, 0, 0, 1]);
    expect(await moved(() => operations.cancelJob({ jobId: 'x' }, { actor: SYSTEM }))).toEqual([0, 1, 0, 1]);
    undo.push(hooks.before('cancelJob', { name: 'broken' }, () => Promise.reject(new Error('broken'))));
    expect(await moved(() => operations.cancelJob({ jobId }, { actor: SYSTEM }))).toEqual([0, 0, 1, 1]);
    expect(await moved(() => operations.listJobs({}, { actor: SYSTEM }))).toEqual([0, 0, 0, 0]);
  });
});

describe('the audit entry of an operation', () => {
  it('is written together with the operation, or neither is written', async () => {
    const jobId = await addJob();
    await db.raw(`CREATE FUNCTION refuse_audit() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'the audit is full'; END $$`);
    await db.raw('CREATE TRIGGER refuse_audit BEFORE INSERT ON matrix_admin.audit EXECUTE FUNCTION refuse_audit()');
    undo.push(() => db.raw('DROP FUNCTION refuse_audit CASCADE'));
    let after = 0;
    undo.push(hooks.after('cancelJob', { name: 'count' }, () => void (after += 1)));
    await expect(operations.cancelJob({ jobId }, { actor: SYSTEM })).rejects.toThrow('the audit is full');
    const answer = await plugin.asAdmin(`/_dendrite/admin/jobs/${jobId}/cancel`, { method: 'POST' });
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('audit');
    expect(await isCancelled(jobId)).toBe(false);
    expect(after).toBe(0);
    expect(plugin.logger.lines.map(({ message }) => message)).toContain('Could not write the audit entry of a failure');
  });

  it('is not `ok` if the commit failed', async () => {
    const jobId = await addJob();
    await db.raw(`CREATE FUNCTION refuse_commit() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'not this time'; END $$`);
    await db.raw(`CREATE CONSTRAINT TRIGGER refuse_commit AFTER UPDATE ON matrix_admin.jobs
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_commit()`);
    undo.push(() => db.raw('DROP FUNCTION refuse_commit CASCADE'));
    await expect(operations.cancelJob({ jobId }, { actor: SYSTEM })).rejects.toThrow('not this time');
    expect((await audits()).map(({ outcome }) => outcome)).toEqual(['failed']);
    expect(await isCancelled(jobId)).toBe(false);
  });

  it('is `failed` after a failure, and the changes are rolled back', async () => {
    const jobId = await addJob();
    await db.raw(`CREATE FUNCTION refuse_cancel() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'secret words'; END $$`);
    await db.raw('CREATE TRIGGER refuse_cancel BEFORE UPDATE ON matrix_admin.jobs EXECUTE FUNCTION refuse_cancel()');
    undo.push(() => db.raw('DROP FUNCTION refuse_cancel CASCADE'));
    await expect(operations.cancelJob({ jobId }, { actor: SYSTEM })).rejects.toThrow('secret words');
    expect(await audits()).toMatchObject([{ outcome: 'failed', errcode: 'M_UNKNOWN', target: jobId }]);
    expect(plugin.logger.text()).toContain('P0001');
    expect(plugin.logger.text()).not.toContain('secret words');
  });
});

describe('hooks before an operation', () => {
  it('run one after the other, in the order of registration', async () => {
    const jobId = await addJob();
    const log: string[] = [];
    for (const name of ['first', 'second', 'third']) {
      undo.push(
        hooks.before('cancelJob', { name }, async () => {
          log.push(`${name} begins`);
          await Promise.resolve();
          log.push(`${name} ends`);
          return undefined;
        }),
      );
    }
    await operations.cancelJob({ jobId }, { actor: SYSTEM });
    expect(log).toEqual(['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  it('receive the input, and cannot change it', async () => {
    const jobId = await addJob();
    const events: unknown[] = [];
    undo.push(
      hooks.before('cancelJob', { name: 'nosy' }, (event) => {
        events.push(event);
        expect(() => Object.assign(event, { actor: SYSTEM })).toThrow(TypeError);
        expect(() => Object.assign(event.input, { jobId: NO_JOB })).toThrow(TypeError);
        expect(() => Object.assign(event.actor, { accountType: 3 })).toThrow(TypeError);
        return undefined;
      }),
    );
    const actor = { ...ADMIN };
    await operations.cancelJob({ jobId }, { actor, requestId: 'r' });
    expect(events).toEqual([{ operation: 'cancelJob', input: { jobId }, actor, requestId: 'r' }]);
    expect(Object.isFrozen(actor)).toBe(false);
  });

  it.each(['ORG_EXAMPLE_CUSTOM', 'org.example.custom', 'M_RESOURCE_LIMIT_EXCEEDED'])(
    'may refuse it with their own code %s, which gives a 403',
    async (errcode) => {
      const id = await addJob();
      undo.push(hooks.before('cancelJob', { name: 'own code' }, () => deny(errcode as 'M_FORBIDDEN', 'not today')));
      const answer = await plugin.asAdmin(`/_dendrite/admin/jobs/${id}/cancel`, { method: 'POST' });
      expect([answer.status, jsonOf(answer)]).toEqual([403, { errcode, error: 'not today' }]);
      const called = operations.cancelJob({ jobId: id }, { actor: ADMIN });
      await expect(called).rejects.toMatchObject({ name: 'MatrixError', errcode, status: 403, message: 'not today' });
      expect(await isCancelled(id)).toBe(false);
      expect((await audits()).map((entry) => [entry.outcome, entry.errcode])).toEqual([
        ['refused', errcode],
        ['refused', errcode],
      ]);
      expect(plugin.logger.lines).toEqual([]);
    },
  );

  it.each([
    [undefined, 'no'],
    ['', 'no'],
    [5, 'no'],
    ['NOT A CODE', 'no'],
    ['ORG_\0', 'no'],
    ['X'.repeat(256), 'no'],
    ['M_FORBIDDEN', undefined],
    ['M_FORBIDDEN', ''],
    ['M_FORBIDDEN', { en: 'no' }],
  ])('may not refuse it with deny(%j, %j), which explains the mistake', async (errcode, reason) => {
    const denying = (): unknown => deny(errcode as 'M_FORBIDDEN', reason as string);
    expect(denying).toThrow(TypeError);
    expect(denying).toThrow(/^deny\(errcode, reason\): (?:errcode must be a text such as|reason must be a text)/);
    const id = await addJob();
    undo.push(hooks.before('cancelJob', { name: 'bad code' }, () => denying() as undefined));
    const answer = await plugin.asAdmin(`/_dendrite/admin/jobs/${id}/cancel`, { method: 'POST' });
    expect([answer.status, jsonOf(answer).errcode]).toEqual([500, 'M_UNKNOWN']);
    expect(await isCancelled(id)).toBe(false);
    expect(plugin.logger.text()).toContain('deny(errcode, reason): ');
  });

  it('may refuse it with deny() and a reason for the caller, and later hooks do not run', async () => {
    const jobId = await addJob();
    let asked = 0;
    undo.push(
      hooks.before('cancelJob', { name: 'legal hold' }, () => deny('M_FORBIDDEN', 'This job is under legal hold')),
      hooks.before('cancelJob', { name: 'later' }, () => void (asked += 1)),
    );
    await expect(operations.cancelJob({ jobId }, { actor: SYSTEM })).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' });
    const answer = await plugin.asAdmin(`/_dendrite/admin/jobs/${jobId}/cancel`, { method: 'POST' });
    expect(answer.status).toBe(403);
    expect(jsonOf(answer)).toEqual({ errcode: 'M_FORBIDDEN', error: 'This job is under legal hold' });
    expect(asked).toBe(0);
    expect(await isCancelled(jobId)).toBe(false);
    expect((await audits()).map(({ outcome, errcode }) => [outcome, errcode])).toEqual([
      ['refused', 'M_FORBIDDEN'],
      ['refused', 'M_FORBIDDEN'],
    ]);
  });

  it.each<[string, (signal: AbortSignal) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('internal detail');
      },
    ],
    ['rejects', () => Promise.reject(new Error('internal detail'))],
    ['rejects with nothing', () => Promise.reject()], // oxlint-disable-line typescript/prefer-promise-reject-errors
    ['never answers', () => new Promise(() => {})],
    ['returns false', () => false],
    ['returns null', () => null],
    ['returns true', () => true],
    ['returns the veto of another copy of the package', () => ({ errcode: 'M_FORBIDDEN', reason: 'no' })],
  ])('refuse it with a 500 if one %s', async (_title, hook) => {
    const jobId = await addJob();
    const failures = (): Promise<number> =>
      plugin.metric('matrix_admin_hook_failures_total', { operation: 'cancelJob', phase: 'before' });
    const before = await failures();
    undo.push(hooks.before('cancelJob', { name: 'bad', timeoutMs: 50 }, (_event, signal) => hook(signal) as undefined));
    const answer = await plugin.asAdmin(`/_dendrite/admin/jobs/${jobId}/cancel`, { method: 'POST' });
    expect(answer.status).toBe(500);
    expect(jsonOf(answer)).toEqual({
      errcode: 'M_UNKNOWN',
      error: 'A check before this operation failed',
      request_id: answer.headers['x-request-id'],
    });
    expect(await isCancelled(jobId)).toBe(false);
    expect(await audits()).toMatchObject([{ outcome: 'failed', errcode: 'M_UNKNOWN' }]);
    expect((await failures()) - before).toBe(1);
    expect(plugin.logger.lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'Hook failed',
        fields: expect.objectContaining({ hook: 'bad' }),
      }),
    );
  });

  it('receive an aborted signal when their time is up', async () => {
    let aborted = false;
    undo.push(
      hooks.before('listJobs', { name: 'slow', timeoutMs: 30 }, async (_event, signal) => {
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve, { once: true });
        });
        aborted = true;
        return undefined;
      }),
    );
    await expect(operations.listJobs({}, { actor: SYSTEM })).rejects.toMatchObject({ status: 500 });
    expect(aborted).toBe(true);
  });

  it('run after the checks of the caller and of the input', async () => {
    let asked = 0;
    undo.push(hooks.before('cancelJob', { name: 'count' }, () => void (asked += 1)));
    await operations.cancelJob({ jobId: '\0' }, { actor: SYSTEM }).catch(() => {});
    await operations.cancelJob({ jobId: 'x' }, { actor: user(USERS.alice.user_id) }).catch(() => {});
    expect(asked).toBe(0);
  });

  it('no longer run after they are unregistered, but others do', async () => {
    const log: string[] = [];
    const removeFirst = hooks.before('listJobs', { name: 'first' }, () => void log.push('first'));
    undo.push(hooks.before('listJobs', { name: 'second' }, () => void log.push('second')));
    removeFirst();
    removeFirst();
    await operations.listJobs({}, { actor: SYSTEM });
    expect(log).toEqual(['second']);
    undo.push(hooks.before('listJobs', { name: 'first' }, () => undefined));
  });
});

describe('hooks', () => {
  it('need a unique name for each operation and phase', () => {
    const hook = (): undefined => undefined;
    undo.push(hooks.before('listJobs', { name: 'a' }, hook), hooks.after('listJobs', { name: 'a' }, hook));
    undo.push(hooks.before('getJob', { name: 'a' }, hook));
    expect(() => hooks.before('listJobs', { name: 'a' }, hook)).toThrow('there is already a hook "a" before listJobs');
  });

  it.each(['nothing', 'purgeroom', '__proto__', 'toString', ''])('of the operation "%s" are refused', (name) => {
    expect(() => hooks.before(name as 'listJobs', { name: 'a' }, () => undefined)).toThrow(`no operation "${name}"`);
    expect(() => hooks.after(name as 'listJobs', { name: 'a' }, () => undefined)).toThrow(`no operation "${name}"`);
  });

  it.each([0, -1, Number.NaN, Infinity, 2 ** 31])('with a time limit of %s are refused', (timeoutMs) => {
    expect(() => hooks.before('listJobs', { name: 'a', timeoutMs }, () => undefined)).toThrow('timeoutMs');
  });
});

describe('hooks after an operation', () => {
  it('see the committed changes from another connection', async () => {
    const jobId = await addJob();
    const found = new Promise((resolve) => {
      undo.push(
        hooks.after('cancelJob', { name: 'look' }, async ({ input, result }) => {
          const audit = await db('matrix_admin.audit').where({ target: input.jobId }).first();
          resolve({ cancelled: await isCancelled(input.jobId), audit: audit?.outcome, state: result.state });
        }),
      );
    });
    await operations.cancelJob({ jobId }, { actor: SYSTEM });
    expect(await found).toEqual({ cancelled: true, audit: 'ok', state: 'cancelled' });
  });

  it('do not affect the result or each other if they fail', async () => {
    const jobId = await addJob();
    const log: string[] = [];
    const done = new Promise<void>((resolve) => {
      undo.push(
        hooks.after('cancelJob', { name: 'throws' }, () => {
          throw new Error('broken');
        }),
        hooks.after('cancelJob', { name: 'hangs', timeoutMs: 30 }, () => new Promise(() => {})),
        hooks.after('cancelJob', { name: 'changes' }, ({ result }) => {
          Object.assign(result, { state: 'failed' });
        }),
        hooks.after('cancelJob', { name: 'works' }, ({ result }) => {
          log.push(result.state);
          resolve();
        }),
      );
    });
    const failures = (): Promise<number> =>
      plugin.metric('matrix_admin_hook_failures_total', { operation: 'cancelJob', phase: 'after' });
    const before = await failures();
    const result = await operations.cancelJob({ jobId }, { actor: SYSTEM });
    await done;
    expect([result.state, log]).toEqual(['cancelled', ['cancelled']]);
    await expect.poll(async () => (await failures()) - before).toBe(3);
    expect((await audits()).map(({ outcome }) => outcome)).toEqual(['ok']);
  });

  it('are not called for operations that did not happen', async () => {
    let called = 0;
    undo.push(hooks.after('cancelJob', { name: 'count' }, () => void (called += 1)));
    undo.push(hooks.before('cancelJob', { name: 'no' }, () => deny('M_FORBIDDEN', 'no')));
    await operations.cancelJob({ jobId: await addJob() }, { actor: SYSTEM }).catch(() => {});
    await operations.cancelJob({ jobId: NO_JOB }, { actor: SYSTEM }).catch(() => {});
    expect(called).toBe(0);
  });

  it('do not delay the answer to the caller', async () => {
    let release: (() => void) | undefined;
    undo.push(
      hooks.after(
        'listJobs',
        { name: 'slow' },
        () =>
          new Promise<void>((resolve) => {
            release = resolve;
          }),
      ),
    );
    expect(await operations.listJobs({}, { actor: SYSTEM })).toHaveProperty('jobs');
    await expect.poll(() => release).toBeDefined();
    release?.();
  });
});

describe('a plugin that has been stopped', () => {
  it('runs no operations, because its hooks are removed', async () => {
    const other = await mountPlugin({ database: plugin.database });
    const jobId = await addJob();
    other.admin.hooks.before('cancelJob', { name: 'legal hold' }, () => deny('M_FORBIDDEN', 'no'));
    await other.admin.stop();
    await expect(other.admin.operations.cancelJob({ jobId }, { actor: SYSTEM })).rejects.toMatchObject({
      status: 503,
      errcode: 'M_UNKNOWN',
    });
    const answer = await other.asAdmin(`/_dendrite/admin/jobs/${jobId}/cancel`, { method: 'POST' });
    expect(answer.status).toBe(503);
    expect(await isCancelled(jobId)).toBe(false);
    await other.close();
  });
});
