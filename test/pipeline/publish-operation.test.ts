import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { OperationEnd } from '../../src/pipeline/publish-operation.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { USERS } from '../support/dendrite-server.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const ends: OperationEnd[] = [];
const collect = (message: unknown): void => void ends.push(message as OperationEnd);

let database: TestDatabase;
let plugin: MountedPlugin;
beforeAll(async () => {
  database = await createTestDatabase({ fixture: true });
  plugin = await mountPlugin({ database });
  subscribe('koa-matrix-admin:operation', collect);
});
beforeEach(() => void ends.splice(0));
afterAll(async () => {
  unsubscribe('koa-matrix-admin:operation', collect);
  await plugin.close();
  await database.drop();
});

const actor = USERS.admin.user_id;
const durationMs = expect.any(Number);

it('a call is published when it ends, without its input and its result', async () => {
  const target = USERS.bob.user_id;
  const body = JSON.stringify({ password: 'a-new-password', logout_devices: false });
  await plugin.asAdmin(`/_dendrite/admin/resetPassword/${target}`, { method: 'POST', body });
  const requestId = expect.any(String);
  const call = { operation: 'resetPassword', actor, target, requestId, jobId: undefined, durationMs };
  expect(ends).toEqual([{ ...call, outcome: 'ok', errcode: undefined }]);
});

it('a refused call is published with its errcode', async () => {
  await plugin.asAdmin('/_dendrite/admin/evacuateRoom/!none:localhost', { method: 'POST' });
  expect(ends).toMatchObject([{ operation: 'evacuateRoom', actor, outcome: 'refused', errcode: 'M_NOT_FOUND' }]);
});

it('a job is published when it is queued and when it ends, under the id of its request', async () => {
  const caller = { actor: { kind: 'system', name: 'test' }, requestId: 'request 7' } as const;
  const { jobId } = await plugin.admin.operations.reindexFulltext.start({}, caller);
  await plugin.admin.jobs.wait(jobId);
  await expect.poll(() => ends.length).toBe(2);
  const job = { operation: 'reindexFulltext', actor: 'system:test', target: undefined, jobId, requestId: 'request 7' };
  expect(ends).toEqual([
    { ...job, outcome: 'queued', errcode: undefined, durationMs },
    { ...job, outcome: 'ok', errcode: undefined, durationMs },
  ]);
});
