import type { OperationsIn } from '../define-operation.ts';
import { decideApproval, getApproval, listApprovals } from './approvals.ts';
import { getBackgroundUpdates, setBackgroundUpdatesEnabled, startBackgroundUpdate } from './background-updates.ts';
import { cancelJob, getJob, listJobs } from './jobs.ts';
import { listAudit } from './list-audit.ts';
import { listTasks } from './list-tasks.ts';
import { getOpenApiDocument } from './openapi-document.ts';
import { rebuildSummaries } from './rebuild-summaries.ts';
import { serverVersion } from './server-version.ts';

/**
 * The server operations, by name. The type is derived from the files that define the operations, so that editors show the doc
 * comment of each operation.
 */
export type ServerOperations = OperationsIn<
  typeof import('./approvals.ts') &
    typeof import('./background-updates.ts') &
    typeof import('./jobs.ts') &
    typeof import('./list-audit.ts') &
    typeof import('./list-tasks.ts') &
    typeof import('./openapi-document.ts') &
    typeof import('./rebuild-summaries.ts') &
    typeof import('./server-version.ts')
>;

export const SERVER_OPERATIONS: ServerOperations = {
  listJobs,
  getJob,
  cancelJob,
  listAudit,
  listApprovals,
  getApproval,
  decideApproval,
  serverVersion,
  getOpenApiDocument,
  rebuildSummaries,
  listTasks,
  getBackgroundUpdates,
  setBackgroundUpdatesEnabled,
  startBackgroundUpdate,
};
