import type { OperationsIn } from '../define-operation.ts';
import { decideApproval, getApproval, listApprovals } from './approvals.ts';
import { getBackgroundUpdates, setBackgroundUpdatesEnabled, startBackgroundUpdate } from './background-updates.ts';
import { cancelJob, getJob, listJobs } from './jobs.ts';
import { listAudit } from './list-audit.ts';
import { listTasks } from './list-tasks.ts';
import { serverVersion } from './server-version.ts';

/** The types come from the operations' own files, so that an editor shows the doc comments of each operation. */
export type ServerOperations = OperationsIn<
  typeof import('./approvals.ts') &
    typeof import('./background-updates.ts') &
    typeof import('./jobs.ts') &
    typeof import('./list-audit.ts') &
    typeof import('./list-tasks.ts') &
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
  listTasks,
  getBackgroundUpdates,
  setBackgroundUpdatesEnabled,
  startBackgroundUpdate,
};
