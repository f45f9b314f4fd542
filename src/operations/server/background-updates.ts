import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { Job } from '../../jobs/job.ts';
import { readJobs } from '../../storage/plugin/jobs.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { queueJob } from '../queue-job.ts';
import { reindexFulltext } from '../search/reindex-fulltext.ts';

/**
 * The only operation whose job this API shows as a background update. In Synapse, a background update is work that rebuilds a
 * part of the database.
 */
const REINDEX = 'reindexFulltext';

/** A running background update: how many items it has processed, in how many ms, and at what rate (`null` if unknown). */
export interface BackgroundUpdate {
  readonly name: string;
  readonly totalItemCount: number;
  readonly totalDurationMs: number;
  readonly averageItemsPerMs: number | null;
}

/**
 * The background updates in Synapse's format. `master` is Synapse's name for its only database. The field is absent if no
 * background update is running.
 */
export interface BackgroundUpdates {
  readonly enabled: boolean;
  readonly currentUpdates: { readonly master?: BackgroundUpdate };
}

/**
 * Shows the running reindex of the full-text search as a background update. Synapse's route is `GET
 * /_synapse/admin/v1/background_updates/status`.
 */
export const getBackgroundUpdates = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({}),
  run: async ({ db }): Promise<BackgroundUpdates> => {
    const [job] = await readJobs(db, { kind: REINDEX, state: 'running' }, { limit: 1 });
    return { enabled: true, currentUpdates: job === undefined ? {} : { master: updateOf(job) } };
  },
});

const updateOf = ({ done, startedAt, createdAt, rate }: Job): BackgroundUpdate => ({
  name: REINDEX,
  totalItemCount: done,
  totalDurationMs: Math.max(Date.now() - (startedAt ?? createdAt), 0),
  averageItemsPerMs: rate === undefined ? null : rate / 1_000,
});

/**
 * Answers that background updates are enabled. Refuses to disable background updates, because jobs can be cancelled but not
 * paused. Synapse's route is `POST /_synapse/admin/v1/background_updates/enabled`.
 * @throws MatrixError `M_BAD_STATE` if `enabled` is false
 */
export const setBackgroundUpdatesEnabled = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** Must be `true`, because jobs cannot be paused. @defaultValue true */
    enabled: z.boolean().default(true),
  }),
  run: async (_scope, { enabled }): Promise<{ enabled: boolean }> => {
    if (!enabled) throw new MatrixError('M_BAD_STATE', 'jobs cannot be paused here: cancel the job instead');
    return { enabled };
  },
});

/**
 * Starts a reindex of the full-text search. Dendrite has no equivalent of Synapse's other background updates. As in Synapse,
 * the call fails if a reindex is already queued or running. Synapse's route is `POST
 * /_synapse/admin/v1/background_updates/start_job`.
 * @throws MatrixError `M_BAD_STATE` if a reindex is already queued or running, or if search is switched off
 */
export const startBackgroundUpdate = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** Name of the background update. `reindexFulltext` is the only one. */
    jobName: z.enum([REINDEX], { error: unknownUpdate }),
  }),
  target: ({ jobName }) => jobName,
  includes: () => [{ operation: REINDEX, input: {} }],
  run: async (scope): Promise<void> => {
    const { joined } = await queueJob(scope, REINDEX, reindexFulltext, {});
    if (joined) throw new MatrixError('M_BAD_STATE', 'this update is already running');
  },
});

function unknownUpdate({ input }: { readonly input?: unknown }): string | undefined {
  return input === undefined ? undefined : `must be ${REINDEX}: no other update exists here`;
}
