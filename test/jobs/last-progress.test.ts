import { afterEach, beforeEach, expect, it } from 'vitest';
import { createGatedSearch } from '../support/gated-search.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const CALLER = { actor: { kind: 'system', name: 'test' } } as const;
const LEASE_MS = 1_000;

const gate = createGatedSearch();
let plugin: MountedPlugin;
beforeEach(async () => {
  plugin = await mountPlugin({ options: { search: gate.adapter, jobs: { pollIntervalMs: 50, leaseMs: LEASE_MS } } });
});
afterEach(() => plugin.close());

const lastProgress = (): Promise<number> =>
  plugin.metric('matrix_admin_job_last_progress_timestamp_seconds', { kind: 'reindexFulltext' });

it('the time of the last progress changes only when the job makes progress', async () => {
  gate.close('load');
  const before = Date.now() / 1_000;
  const { jobId } = await plugin.admin.operations.reindexFulltext.start({}, CALLER);
  await expect.poll(() => gate.reached('load')).toBeGreaterThan(0);
  const stuckSince = await lastProgress();
  expect(stuckSince).toBeGreaterThan(before - 1);
  const leaseOf = async (): Promise<number> =>
    (await plugin.database.db('matrix_admin.jobs').where({ id: jobId }).first('lease_until')).lease_until.getTime();
  const lease = await leaseOf();
  // The job's process is alive, so it renews the lease. But the job makes no progress.
  await expect.poll(leaseOf, { timeout: 5_000 }).toBeGreaterThan(lease);
  expect(await lastProgress()).toBe(stuckSince);
  gate.open();
  expect((await plugin.admin.jobs.wait(jobId)).state).toBe('succeeded');
  await expect.poll(lastProgress).toBe(0);
});
