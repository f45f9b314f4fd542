import { z } from 'zod';
import { REINDEX_KIND } from '../../search/reindex-job.ts';
import { searchIsOff } from '../../search/search.ts';
import { insertJob } from '../../storage/plugin/jobs.ts';
import { nameOf } from '../actor.ts';
import { defineOperation } from '../define-operation.ts';

/**
 * Starts a job that rebuilds the full-text index while the old one goes on answering. A call while one runs joins it.
 * Dendrite: `GET /_dendrite/admin/fulltext/reindex`, without job, progress or end.
 */
export const reindexFulltext = defineOperation({
  access: 'admin',
  effect: 'write',
  onlyQueues: true,
  input: z.object({}),
  run: async (scope): Promise<{ jobId: string; joined: boolean }> => {
    if (!scope.searchEnabled) searchIsOff();
    const { id, joined } = await insertJob(scope.transaction, {
      kind: REINDEX_KIND,
      dedupeKey: REINDEX_KIND,
      input: {},
      createdBy: nameOf(scope.actor),
      requestId: scope.requestId,
    });
    scope.startedJob(id);
    scope.afterCommit(scope.wakeJobs);
    return { jobId: id, joined };
  },
});
