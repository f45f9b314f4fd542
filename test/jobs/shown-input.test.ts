import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { z } from 'zod';
import { SHOWN_INPUT } from '../../src/jobs/shown-input.ts';
import { JOB_OPERATIONS, OPERATIONS } from '../../src/operations/operations.ts';
import { USERS } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { TEST_ACTOR } from '../support/search-plugin.ts';

const JOBS = '/_dendrite/admin/jobs';
const SECRET = 'words that only their readers may know';
/** Parameters of operations that the views of jobs do not show. */
const NOT_SHOWN: Readonly<Record<string, readonly string[]>> = {
  deleteRoom: ['message'],
  sendServerNotices: ['content'],
};

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({ options: ALL_ROUTES });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());
beforeEach(() => db('matrix_admin.jobs').del());

const post = async (path: string, body: object, method = 'POST'): Promise<string> => {
  const options = { method, body: JSON.stringify(body), headers: { Prefer: 'respond-async' } };
  const answer = jsonOf(await plugin.asAdmin(path, options));
  return String(answer['job_id'] ?? answer['delete_id']);
};
const show = async (id: string): Promise<Record<string, unknown>> => jsonOf(await plugin.asAdmin(`${JOBS}/${id}`));
const room = encodeURIComponent('!r:localhost');

it('shows its target, creator and time, over HTTP and in-process', async () => {
  const before = Date.now();
  const id = await post(`/_dendrite/admin/evacuateUser/${USERS.alice.user_id}`, {});
  const shown = await show(id);
  expect(shown).toMatchObject({
    operation: 'evacuateUser',
    kind: 'evacuateUser',
    target: USERS.alice.user_id,
    input: { user_id: USERS.alice.user_id, dry_run: false },
    created_by: USERS.admin.user_id,
  });
  expect(shown['created_ts']).toBeGreaterThanOrEqual(before - 1_000);
  const job = await plugin.admin.operations.getJob({ jobId: id }, { actor: TEST_ACTOR });
  expect(job).toMatchObject({ operation: 'evacuateUser', input: { userId: USERS.alice.user_id, dryRun: false } });
  expect((await plugin.admin.jobs.wait(id)).input).toEqual(job.input);
  const { jobs } = await plugin.admin.operations.listJobs({}, { actor: TEST_ACTOR });
  expect(jobs[0]?.input).toEqual(job.input);
  const { jobs: listed } = jsonOf(await plugin.asAdmin(JOBS)) as { jobs: Record<string, unknown>[] };
  expect(listed[0]?.['input']).toEqual(shown['input']);
  expect((await plugin.asAdmin(`${JOBS}/${id}/events`)).text).toContain(JSON.stringify(shown['input']));
  expect(jsonOf(await plugin.asAdmin(`${JOBS}/${id}/cancel`, { method: 'POST' }))['input']).toEqual(shown['input']);
});

it('shows no text of a message', async () => {
  const notice = await post('/_dendrite/admin/serverNotices', {
    content: { msgtype: 'm.text', body: SECRET },
    user_ids: [USERS.alice.user_id],
  });
  const deletion = await post(
    `/_synapse/admin/v2/rooms/${room}`,
    { new_room_user_id: USERS.admin.user_id, message: SECRET, room_name: 'Moved' },
    'DELETE',
  );
  expect((await show(notice))['input']).toEqual({
    type: 'm.room.message',
    user_ids: [USERS.alice.user_id],
    dry_run: false,
  });
  expect((await show(deletion))['input']).toMatchObject({ room_id: '!r:localhost', room_name: 'Moved' });
  expect((await plugin.asAdmin(JOBS)).text).not.toContain(SECRET);
  await Promise.all([notice, deletion].map((id) => plugin.admin.jobs.wait(id)));
});

it('of an unknown kind shows no input', async () => {
  const [row] = await db('matrix_admin.jobs')
    .insert({ kind: 'ofTomorrow', created_by: 'x', input: JSON.stringify({ password: SECRET }) })
    .returning('id');
  expect(await show(row.id)).toMatchObject({ operation: 'ofTomorrow', input: null });
});

it.each(JOB_OPERATIONS)('shows every parameter of %s that is not hidden on purpose', (name) => {
  const parameters = Object.keys((OPERATIONS[name].input as z.ZodObject).shape);
  expect([...(SHOWN_INPUT[name] ?? []), ...(NOT_SHOWN[name] ?? [])].sort()).toEqual(parameters.sort());
});

it('is found by its room or user', async () => {
  const [user, purge, reindex] = [
    await post(`/_dendrite/admin/evacuateUser/${USERS.alice.user_id}`, {}),
    await post(`/_synapse/admin/v2/rooms/${room}`, {}, 'DELETE'),
    await post('/_dendrite/admin/fulltext/reindex', {}),
  ];
  const find = async (target: string): Promise<unknown[]> => {
    const { jobs } = jsonOf(await plugin.asAdmin(`${JOBS}?target=${encodeURIComponent(target)}`));
    return (jobs as { id: string }[]).map(({ id }) => id);
  };
  expect(await find(USERS.alice.user_id)).toEqual([user]);
  expect(await find('!r:localhost')).toEqual([purge]);
  expect(await find('!other:localhost')).toEqual([]);
  await Promise.all([user, purge, reindex].map((id) => plugin.admin.jobs.wait(id)));
});
