import type { Knex } from 'knex';
import type { Logger as PinoLogger } from 'pino';
import type { Registry } from 'prom-client';
import { describe, expectTypeOf, it } from 'vitest';
import type { Host, Logger } from '../../src/host.ts';
import type { JobView } from '../../src/jobs/jobs.ts';
import type { OperationInput, OperationName, OperationOutput, ValidInput } from '../../src/operations/operations.ts';
import { type AfterEvent, type BeforeEvent, deny, type Hooks } from '../../src/pipeline/hooks.ts';
import type { AdminPlugin } from '../../src/plugin.ts';

/** The compiler checks this function. Nobody calls it. */
function registerHooks(hooks: Hooks): void {
  hooks.before('cancelJob', { name: 'typed' }, ({ operation, input, actor }, signal) => {
    expectTypeOf(operation).toEqualTypeOf<'cancelJob'>();
    expectTypeOf(input).toEqualTypeOf<{ jobId: string }>();
    expectTypeOf(actor.kind).toEqualTypeOf<'user' | 'system'>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    return input.jobId === '' ? deny('M_FORBIDDEN', 'no') : undefined;
  });
  hooks.after('cancelJob', { name: 'typed' }, ({ result }) => {
    expectTypeOf(result).toEqualTypeOf<JobView>();
  });
  hooks.after('reindexFulltext', { name: 'typed' }, async ({ result: { documents } }) => {
    expectTypeOf(documents).toEqualTypeOf<number>();
  });
  hooks.before('listAudit', { name: 'defaults' }, ({ input: { limit } }) => {
    expectTypeOf(limit).toEqualTypeOf<number>();
    return undefined;
  });
  // @ts-expect-error there is no such operation
  hooks.before('purgeroom', { name: 'a' }, () => undefined);
  // @ts-expect-error there is no such operation
  hooks.after('CancelJob', { name: 'a' }, () => {});
  // @ts-expect-error a veto is made by deny()
  hooks.before('cancelJob', { name: 'a' }, () => false);
  hooks.before('cancelJob', { name: 'a' }, () => deny('ORG_EXAMPLE_LEGAL_HOLD', 'a code of the host'));
  // @ts-expect-error a code that is none of ours
  hooks.before('cancelJob', { name: 'a' }, () => deny('M_NO_SUCH_CODE', 'no'));
  // @ts-expect-error another operation's input
  hooks.before('cancelJob', { name: 'a' }, ({ input }) => void input.limit);
  // @ts-expect-error nothing has happened yet
  hooks.before('cancelJob', { name: 'a' }, ({ result }) => void result);
  // @ts-expect-error an event can't be changed
  hooks.after('cancelJob', { name: 'a' }, (event) => void (event.requestId = 'x'));
  // @ts-expect-error a hook has a name
  hooks.after('cancelJob', {}, () => {});
}

function requireApprovals({ approvals, hooks }: AdminPlugin): void {
  hooks.before('purgeRoom', { name: 'typed' }, (event) => approvals.require(event, { reason: 'large' }));
  hooks.before('purgeRoom', { name: 'typed' }, (event) =>
    approvals.require(event, { reason: 'large', expiresInMs: 1 }),
  );
  // @ts-expect-error its input has a secret
  hooks.before('resetPassword', { name: 'typed' }, (event) => approvals.require(event, { reason: 'a' }));
  // @ts-expect-error a reading operation
  hooks.before('listAudit', { name: 'typed' }, (event) => approvals.require(event, { reason: 'a' }));
  // @ts-expect-error a reason is needed
  hooks.before('purgeRoom', { name: 'typed' }, (event) => approvals.require(event, {}));
}

async function callOperations({ operations }: AdminPlugin): Promise<void> {
  const caller = { actor: { kind: 'system', name: 'test' } } as const;
  expectTypeOf(await operations.getJob({ jobId: 'x' }, caller)).toEqualTypeOf<JobView>();
  await operations.listJobs({ state: 'queued' }, caller);
  // @ts-expect-error no such state
  await operations.listJobs({ state: 'done' }, caller);
  // @ts-expect-error an id is needed
  await operations.getJob({}, caller);
  // @ts-expect-error a caller is needed
  await operations.getJob({ jobId: 'x' });
  // @ts-expect-error a string is no user id until it has been checked
  await operations.getJob({ jobId: 'x' }, { actor: { kind: 'user', userId: '@a:b' } });
  // @ts-expect-error no such operation
  await operations.purgeRoom({}, caller);
}

describe('types', () => {
  it('of hooks and calls derive from the operations', () => {
    expectTypeOf(registerHooks).toBeFunction();
    expectTypeOf(requireApprovals).toBeFunction();
    expectTypeOf(callOperations).toBeFunction();
    expectTypeOf<keyof AdminPlugin['operations']>().toEqualTypeOf<OperationName>();
    expectTypeOf<BeforeEvent<'getJob'>['input']>().toEqualTypeOf<ValidInput<'getJob'>>();
    expectTypeOf<AfterEvent<'getJob'>['result']>().toEqualTypeOf<OperationOutput<'getJob'>>();
    expectTypeOf<OperationInput<'listAudit'>['limit']>().toEqualTypeOf<number | undefined>();
  });

  it("of the host accept the libraries' own objects", () => {
    expectTypeOf<Knex>().toExtend<Host['db']>();
    expectTypeOf<Knex<Record<string, unknown>, unknown[]>>().toExtend<Host['db']>();
    expectTypeOf<PinoLogger>().toExtend<Logger>();
    expectTypeOf<{ registry: Registry }>().toExtend<NonNullable<Host['metrics']>>();
    expectTypeOf<Console>().toExtend<Logger>();
  });
});
