import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { Job } from '../../jobs/job.ts';
import { readJobs } from '../../storage/plugin/jobs.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { queueJob } from '../queue-job.ts';
import { reindexFulltext } from '../search/reindex-fulltext.ts';

/** The one job that is what Synapse calls a background update: it rebuilds a part of the database. */
const REINDEX = 'reindexFulltext';

/** A background update that is under way. */
export interface BackgroundUpdate {
  readonly name: string;
  readonly totalItemCount: number;
  readonly totalDurationMs: number;
  readonly averageItemsPerMs: number | null;
}

/** Background updates by database, as Synapse shows them. There is one database. */
export interface BackgroundUpdates {
  readonly enabled: boolean;
  readonly currentUpdates: { readonly master?: BackgroundUpdate };
}

/** The reindex that is under way. Synapse: `GET /_synapse/admin/v1/background_updates/status`. */
export const getBackgroundUpdates = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({}),
  run: async ({ db }): Promise<BackgroundUpdates> => {
    const [job] = await readJobs(db, { kind: REINDEX, state: 'running' }, 1, undefined);
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
 * Says that background updates are enabled, and refuses to disable them: jobs can be cancelled, not paused.
 * Synapse: `POST /_synapse/admin/v1/background_updates/enabled`.
 */
export const setBackgroundUpdatesEnabled = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** Must be `true`: jobs cannot be paused. @defaultValue true */
    enabled: z.boolean().default(true),
  }),
  run: async (_scope, { enabled }): Promise<{ enabled: boolean }> => {
    if (!enabled) throw new MatrixError('M_BAD_STATE', 'jobs cannot be paused here: cancel the job instead');
    return { enabled };
  },
});

/**
 * Starts a reindex. The other updates that Synapse can start do not exist here.
 * Synapse: `POST /_synapse/admin/v1/background_updates/start_job`, which refuses an update that is under way, too.
 */
export const startBackgroundUpdate = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** `reindexFulltext`. */
    jobName: z.enum([REINDEX], { error: unknownUpdate }),
  }),
  target: ({ jobName }) => jobName,
  includes: () => [{ operation: REINDEX, input: {} }],
  run: async (scope): Promise<void> => {
    const { joined } = await queueJob(scope, REINDEX, reindexFulltext, {});
    if (joined) throw new MatrixError('M_BAD_STATE', 'this update is under way already');
  },
});

function unknownUpdate({ input }: { readonly input?: unknown }): string | undefined {
  return input === undefined ? undefined : `must be ${REINDEX}: no other update exists here`;
}
