import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const TASKS = '/_synapse/admin/v1/scheduled_tasks';
const UPDATES = '/_synapse/admin/v1/background_updates';

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  // The plugin looks for jobs only every ten minutes, so no process runs the jobs of these tests.
  plugin = await mountPlugin({ options: { jobs: { pollIntervalMs: 600_000 } } });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

async function addJob(fields: Record<string, unknown>): Promise<string> {
  const [row] = await db('matrix_admin.jobs')
    .insert({
      created_by: 'somebody',
      lease_until: new Date('2100-01-01'),
      lease_owner: '01234567-89ab-4def-8123-456789abcdef',
      ...fields,
    })
    .returning('id');
  return row.id;
}

describe('scheduled tasks', () => {
  const at = (second: number): Date => new Date(Date.UTC(2026, 0, 2, 3, 4, second));
  let deleted: string;
  let running: string;
  let failed: string;
  beforeAll(async () => {
    deleted = await addJob({
      kind: 'deleteRoom',
      state: 'succeeded',
      target: '!r:x',
      result: { kickedUsers: ['@a:x'], failedToKickUsers: [] },
      created_at: at(1),
      started_at: at(2),
      finished_at: at(3),
    });
    running = await addJob({
      kind: 'purgeRoom',
      state: 'running',
      target: '!s:x',
      created_at: at(4),
      started_at: at(5),
    });
    failed = await addJob({
      kind: 'purgeRoom',
      state: 'failed',
      error: 'out of luck',
      created_at: at(6),
      finished_at: at(7),
    });
  });
  afterAll(() => db('matrix_admin.jobs').del());

  const list = async (query = ''): Promise<Record<string, unknown>[]> => {
    const answer = await plugin.asAdmin(TASKS + query);
    expect(answer.status, answer.text).toBe(200);
    return jsonOf(answer)['scheduled_tasks'] as Record<string, unknown>[];
  };
  const ids = async (query: string): Promise<unknown[]> => (await list(query)).map(({ id }) => id);

  it("are the plugin's jobs, with Synapse's fields", async () => {
    expect(await list()).toEqual([
      {
        id: failed,
        action: 'purgeRoom',
        status: 'failed',
        timestamp_ms: at(7).getTime(),
        resource_id: null,
        result: null,
        error: 'out of luck',
      },
      {
        id: running,
        action: 'purgeRoom',
        status: 'active',
        timestamp_ms: at(5).getTime(),
        resource_id: '!s:x',
        result: null,
        error: null,
      },
      {
        id: deleted,
        action: 'shutdown_and_purge_room',
        status: 'complete',
        timestamp_ms: at(3).getTime(),
        resource_id: '!r:x',
        result: { kicked_users: ['@a:x'], failed_to_kick_users: [] },
        error: null,
      },
    ]);
  });

  it('may be filtered', async () => {
    expect(await ids('?action_name=shutdown_and_purge_room')).toEqual([deleted]);
    expect(await ids('?action_name=deleteRoom')).toEqual([deleted]);
    expect(await ids('?action_name=purgeRoom')).toEqual([failed, running]);
    expect(await ids('?action_name=zzz')).toEqual([]);
    expect(await ids('?job_status=complete')).toEqual([deleted]);
    expect(await ids('?status=active')).toEqual([running]);
    expect(await ids('?status=scheduled')).toEqual([]);
    expect(await ids(`?resource_id=${encodeURIComponent('!s:x')}`)).toEqual([running]);
    expect(await ids('?max_timestamp=1')).toEqual([]);
    expect(await ids(`?max_timestamp=${at(5).getTime()}`)).toEqual([deleted]);
    expect(await ids(`?max_timestamp=${at(5).getTime() + 1}`)).toEqual([running, deleted]);
  });

  it('are paged', async () => {
    const first = jsonOf(await plugin.asAdmin(`${TASKS}?limit=2`));
    expect(first).toMatchObject({ scheduled_tasks: [{ id: failed }, { id: running }], next_token: running });
    const second = jsonOf(await plugin.asAdmin(`${TASKS}?limit=2&from=${running}`));
    expect(second).toEqual({ scheduled_tasks: [expect.objectContaining({ id: deleted })] });
    expect(await ids('?from=0&limit=50&order_by=id&dir=b')).toEqual([failed, running, deleted]);
    expect(await ids('?from=2&limit=50')).toEqual([deleted]);
  });

  it.each(['job_status=zzz', 'status=queued', 'max_timestamp=abc', 'max_timestamp=-1', 'from=x', 'from=-1'])(
    'with %s are refused',
    async (query) => {
      const answer = await plugin.asAdmin(`${TASKS}?${query}`);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
    },
  );
});

describe('background updates', () => {
  const post = (path: string, body: object): Promise<Answer> =>
    plugin.asAdmin(UPDATES + path, { method: 'POST', body: JSON.stringify(body) });
  const outcome = ({ status, text }: Answer): unknown[] => [status, JSON.parse(text).errcode ?? JSON.parse(text)];

  it('show a running reindex', async () => {
    const status = async (): Promise<unknown> => jsonOf(await plugin.asAdmin(`${UPDATES}/status`));
    expect(await status()).toEqual({ enabled: true, current_updates: {} });
    await addJob({
      kind: 'reindexFulltext',
      state: 'running',
      done: 500,
      total: 1_000,
      started_at: new Date(Date.now() - 60_000),
    });
    expect(await status()).toMatchObject({
      enabled: true,
      current_updates: { master: { name: 'reindexFulltext', total_item_count: 500 } },
    });
    const { current_updates: updates } = (await status()) as {
      current_updates: { master: { total_duration_ms: number } };
    };
    expect(updates.master.total_duration_ms).toBeGreaterThanOrEqual(60_000);
    await db('matrix_admin.jobs').del();
  });

  it('are enabled, and cannot be disabled', async () => {
    expect(jsonOf(await plugin.asAdmin(`${UPDATES}/enabled`))).toEqual({ enabled: true });
    expect(outcome(await post('/enabled', { enabled: true }))).toEqual([200, { enabled: true }]);
    expect(outcome(await post('/enabled', {}))).toEqual([200, { enabled: true }]);
    expect(outcome(await post('/enabled', { enabled: false }))).toEqual([400, 'M_BAD_STATE']);
    expect(outcome(await post('/enabled', { enabled: 'x' }))).toEqual([400, 'M_INVALID_PARAM']);
  });

  it('include only the reindex, and only one can run at a time', async () => {
    expect(outcome(await post('/start_job', {}))).toEqual([400, 'M_MISSING_PARAM']);
    expect(outcome(await post('/start_job', { job_name: 'zzz' }))).toEqual([400, 'M_INVALID_PARAM']);
    expect(outcome(await post('/start_job', { job_name: 'regenerate_directory' }))).toEqual([400, 'M_INVALID_PARAM']);
    const off = plugin.admin.hooks.before('reindexFulltext', { name: 'night' }, () => {
      throw new Error('not now');
    });
    expect((await post('/start_job', { job_name: 'reindexFulltext' })).status).toBeGreaterThanOrEqual(400);
    off();
    expect(await db('matrix_admin.jobs')).toEqual([]);
    await addJob({ kind: 'reindexFulltext', dedupe_key: 'reindexFulltext ', state: 'running' });
    expect(outcome(await post('/start_job', { job_name: 'reindexFulltext' }))).toEqual([400, 'M_BAD_STATE']);
    await db('matrix_admin.jobs').del();
    expect(outcome(await post('/start_job', { job_name: 'reindexFulltext' }))).toEqual([200, {}]);
    const [job] = await db('matrix_admin.jobs').where('kind', 'reindexFulltext');
    expect(await plugin.admin.jobs.wait(job.id)).toMatchObject({
      state: 'succeeded',
      createdBy: USERS.admin.user_id,
    });
    const entries = await db('matrix_admin.audit').where({ operation: 'startBackgroundUpdate', outcome: 'ok' });
    expect(entries).toMatchObject([{ job_id: job.id, target: 'reindexFulltext' }]);
  });
});

it.each([TASKS, `${UPDATES}/status`, `${UPDATES}/enabled`])('%s is for administrators', async (path) => {
  const answer = await plugin.request(path, { headers: bearer(USERS.alice.access_token) });
  expect([answer.status, jsonOf(answer).errcode]).toEqual([403, 'M_FORBIDDEN']);
});
