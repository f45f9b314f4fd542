import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { MOUNTS, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const REINDEX = '/_dendrite/admin/fulltext/reindex';

/** Blocks the progress of jobs. @returns a function that ends the block */
async function holdEvents(db: Knex): Promise<() => Promise<void>> {
  const transaction = await db.transaction();
  await transaction.raw('LOCK TABLE public.syncapi_output_room_events IN ACCESS EXCLUSIVE MODE');
  return async () => {
    await transaction.rollback();
  };
}

describe.each(MOUNTS)('fulltext/reindex $name', (mount) => {
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({ mount });
  });
  afterAll(() => plugin.close());
  beforeEach(async () => {
    await plugin.database.db.raw(`DELETE FROM matrix_admin.jobs WHERE state NOT IN ('queued', 'running')`);
  });

  const countJobs = async (): Promise<number> => {
    const { rows } = await plugin.database.db.raw('SELECT count(*)::int AS n FROM matrix_admin.jobs');
    return rows[0].n;
  };
  const follow = async (location: unknown): Promise<Record<string, unknown>> => {
    const url = new URL(String(location), plugin.origin);
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${USERS.admin.access_token}` } });
    expect(answer.status).toBe(200);
    return (await answer.json()) as Record<string, unknown>;
  };
  const finish = async (location: unknown): Promise<void> => {
    const { id } = await follow(location);
    expect(await plugin.admin.jobs.wait(String(id))).toMatchObject({ state: 'succeeded', error: null });
  };

  it('GET answers as Dendrite does, with the job in Location', async () => {
    const answer = await plugin.asAdmin(REINDEX);
    expect([answer.status, answer.text]).toEqual([200, '{}']);
    expect(answer.headers.location).toMatch(new RegExp(`^${mount.prefix}/_dendrite/admin/jobs/[0-9a-f-]{36}$`));
    expect(await follow(answer.headers.location)).toMatchObject({
      kind: 'reindexFulltext',
      created_by: USERS.admin.user_id,
    });
    await finish(answer.headers.location);
  });

  it('POST answers 202 with the job', async () => {
    const answer = await plugin.asAdmin(REINDEX, { method: 'POST' });
    expect(answer.status).toBe(202);
    const { job_id: jobId, ...rest } = jsonOf(answer);
    expect(rest).toEqual({});
    expect(answer.headers.location).toBe(`${mount.prefix}/_dendrite/admin/jobs/${String(jobId)}`);
    await finish(answer.headers.location);
  });

  it('sets a correct Location for absolute-form targets and unusual queries', async () => {
    for (const path of [`${REINDEX}?user_id=/_dendrite/admin/fulltext/reindex`, `${REINDEX}?`]) {
      const { headers } = await plugin.asAdmin(path);
      expect(headers.location).toMatch(new RegExp(`^${mount.prefix}/_dendrite/admin/jobs/[0-9a-f-]{36}$`));
      await finish(headers.location);
    }
  });

  it.each([
    'respond-async',
    'Respond-Async',
    'respond-async, wait=10',
    'wait=10,respond-async',
    'return=minimal; x=1, respond-async',
  ])('GET with Prefer: %s answers 202', async (prefer) => {
    const answer = await plugin.asAdmin(REINDEX, { headers: { Prefer: prefer } });
    expect(answer.status).toBe(202);
    expect(Object.keys(jsonOf(answer))).toEqual(['job_id']);
    await finish(answer.headers.location);
  });

  it.each(['respond-asynchronously', 'no-respond-async', ''])('GET with Prefer: %s answers 200', async (prefer) => {
    const answer = await plugin.asAdmin(REINDEX, { headers: { Prefer: prefer } });
    expect([answer.status, answer.text]).toEqual([200, '{}']);
    await finish(answer.headers.location);
  });

  it('joins a running reindex', async () => {
    const release = await holdEvents(plugin.database.db);
    try {
      const answers = await Promise.all([
        plugin.asAdmin(REINDEX),
        plugin.asAdmin(REINDEX, { method: 'POST' }),
        plugin.asAdmin(REINDEX),
      ]);
      expect(new Set(answers.map(({ headers }) => headers.location)).size).toBe(1);
      expect(await countJobs()).toBe(1);
      await release();
      await finish(answers[0].headers.location);
    } finally {
      await release();
    }
  });

  it('is followed by an index whose size and last reindex can be read', async () => {
    const { headers } = await plugin.asAdmin(REINDEX);
    await finish(headers.location);
    const { last_rebuild_ts: lastRebuild, ...index } = jsonOf(await plugin.asAdmin('/_dendrite/admin/fulltext'));
    expect(index).toEqual({
      engine: 'postgres',
      documents: expect.any(Number),
      bytes: expect.any(Number),
      waiting: 0,
      is_outdated: false,
      health: 'ok',
      problem: null,
    });
    expect(Math.abs(Number(lastRebuild) - Date.now())).toBeLessThan(60_000);
  });

  it('HEAD starts nothing', async () => {
    const answer = await plugin.asAdmin(REINDEX, { method: 'HEAD' });
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect(answer.headers).not.toHaveProperty('location');
    expect(await countJobs()).toBe(0);
    expect((await plugin.request(REINDEX, { method: 'HEAD' })).status).toBe(401);
  });
});

describe('fulltext with search off', () => {
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({ options: { search: false } });
  });
  afterAll(() => plugin.close());

  it('has no index to show', async () => {
    const answer = await plugin.asAdmin('/_dendrite/admin/fulltext');
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_BAD_STATE']);
  });

  it.each(['GET', 'POST'])('%s reindex reports it, and is audited as refused', async (method) => {
    const answer = await plugin.asAdmin(REINDEX, { method });
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toEqual({
      errcode: 'M_BAD_STATE',
      error: 'Full-text search is switched off on this homeserver',
    });
    expect(answer.headers).not.toHaveProperty('location');
    const { entries } = await plugin.admin.operations.listAudit({}, { actor: { kind: 'system', name: 'test' } });
    expect(entries[0]).toMatchObject({
      operation: 'reindexFulltext',
      outcome: 'refused',
      errcode: 'M_BAD_STATE',
      jobId: undefined,
    });
    expect(entries[0]?.requestId).toBe(answer.headers['x-request-id']);
  });
});
