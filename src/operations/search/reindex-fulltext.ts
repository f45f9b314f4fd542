import type { Reindexed } from '../../search/reindex-job.ts';
import { searchIsOff } from '../../search/search.ts';
import { defineJobOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/**
 * Rebuilds the full-text index in a job. The old index answers searches in the meantime. Several processes share the work.
 * Dendrite's route is `GET /_dendrite/admin/fulltext/reindex`. In Dendrite, the call starts no job, and the progress is not
 * shown.
 * @throws MatrixError `M_BAD_STATE` if search is switched off
 */
export const reindexFulltext = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({}),
  dedupeKey: () => '',
  begin: async ({ reindex }) => {
    if (reindex === undefined) searchIsOff();
  },
  isServed: ({ reindex }) => reindex !== undefined,
  run: async ({ reindex, jobRun }): Promise<Reindexed> => {
    if (reindex === undefined || jobRun === undefined) searchIsOff();
    return reindex.run(jobRun);
  },
  assist: async ({ reindex }, run) => reindex?.assist(run),
  cleanUp: async ({ reindex }, job) => reindex?.cleanUp(job),
});
