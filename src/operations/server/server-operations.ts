import { decideApproval, getApproval, listApprovals } from './approvals.ts';
import { cancelJob, getJob, listJobs } from './jobs.ts';
import { listAudit } from './list-audit.ts';
import { serverVersion } from './server-version.ts';

export const SERVER_OPERATIONS = {
  listJobs,
  getJob,
  cancelJob,
  listAudit,
  listApprovals,
  getApproval,
  decideApproval,
  serverVersion,
};
