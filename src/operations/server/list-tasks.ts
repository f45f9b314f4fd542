import { z } from 'zod';
import type { JobState } from '../../jobs/job.ts';
import type { JobView } from '../../jobs/jobs.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { pageOfJobs } from './jobs.ts';
import { timeInput } from './time-input.ts';

/** For each status that a task has in Synapse, the state of the jobs that are shown with this status. */
const STATE_OF = {
  scheduled: 'queued',
  active: 'running',
  complete: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<string, JobState>;
type TaskStatus = keyof typeof STATE_OF;

const statusInput = z.enum(Object.keys(STATE_OF) as [TaskStatus, ...TaskStatus[]]).optional();

/**
 * Actions whose name in Synapse differs from the name of the operation. The keys are Synapse's names. The values are the names
 * of the operations.
 */
const SYNAPSE_ACTIONS: Readonly<Record<string, string | undefined>> = {
  shutdown_and_purge_room: 'deleteRoom',
  purge_history: 'purgeHistory',
  redact_all_events: 'redactUserEvents',
};

/** A job, in the form in which Synapse shows a task. */
export interface Task {
  readonly id: string;
  readonly action: string;
  readonly status: TaskStatus;
  /** Time of the last change of the status, in ms since the epoch. */
  readonly timestampMs: number;
  /** Id of the room, user or other target. */
  readonly resourceId: string | null;
  readonly result: JobView['result'];
  readonly error: string | null;
}

/**
 * Lists jobs in the form of Synapse's tasks, newest first, page by page. Synapse's route is `GET
 * /_synapse/admin/v1/scheduled_tasks`. In Synapse, the list has no pages.
 */
export const listTasks = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /**
     * Only jobs of this operation. The value is the operation's name or Synapse's name of the action. @defaultValue all jobs
     */
    actionName: z.string().max(100).optional(),
    /** Only jobs with this target. The target is a room id, a user id or another id. @defaultValue all jobs */
    resourceId: z.string().max(255).optional(),
    /** Only jobs with this status. @defaultValue all jobs */
    status: statusInput,
    /** Synapse's older name for `status`. Ignored if `status` is set. */
    jobStatus: statusInput,
    /** Only jobs whose status last changed before this time, in ms since the epoch. @defaultValue all jobs */
    maxTimestamp: timeInput.optional(),
    /** Maximum number of tasks on the page. @defaultValue 1000 */
    limit: z.int().min(1).max(1_000).default(1_000),
    /**
     * `nextToken` of the previous page, or a number of tasks to skip. Some admin consoles send such a number, which Synapse
     * ignores.
     * @defaultValue the page starts at the newest task
     */
    from: z.union([z.uuid(), z.int().min(0)]).optional(),
  }),
  run: async (
    { db },
    { actionName, resourceId, status, jobStatus, maxTimestamp, limit, from },
  ): Promise<{ tasks: Task[]; nextToken: string | undefined }> => {
    const wanted = status ?? jobStatus;
    const filter = {
      kind: actionName === undefined ? undefined : (SYNAPSE_ACTIONS[actionName] ?? actionName),
      state: wanted && STATE_OF[wanted],
      target: resourceId,
      unchangedSince: maxTimestamp,
    };
    const { jobs, nextToken } = await pageOfJobs(
      db,
      filter,
      typeof from === 'number' ? { limit, offset: from } : { limit, from },
    );
    return { tasks: jobs.map(taskOf), nextToken };
  },
});

function taskOf(job: JobView): Task {
  const [action = job.kind] = Object.keys(SYNAPSE_ACTIONS).filter((name) => SYNAPSE_ACTIONS[name] === job.kind);
  const statuses = Object.keys(STATE_OF) as TaskStatus[];
  return {
    id: job.id,
    action,
    status: statuses.find((status) => STATE_OF[status] === job.state) ?? 'scheduled',
    timestampMs: job.finishedTs ?? job.startedTs ?? job.createdTs,
    resourceId: job.target,
    result: job.result,
    error: job.error,
  };
}
