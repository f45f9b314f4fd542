import type { Task } from 'meilisearch';
import type { SearchMetrics } from '../../metrics.ts';
import { EngineError, toEngineError, withoutDocument } from '../engine-error.ts';
import { pause } from '../retry.ts';
import { ENGINE, type EngineClient } from './client.ts';

/**
 * How a task of Meilisearch has ended. A task is Meilisearch's record of a write. `unknown`: Meilisearch does not list the
 * task, because the task was removed, or because the API key gives no access to the task.
 */
export type TaskOutcome =
  | { readonly status: 'succeeded'; readonly indexedDocuments: number | undefined }
  | { readonly status: 'failed' | 'canceled'; readonly code: string | undefined; readonly message: string }
  | { readonly status: 'unknown' };

export interface Tasks {
  /**
   * Waits until the task has ended. One request at a time asks for the tasks that this process waits for.
   * @throws EngineError if the task does not end in time, or if Meilisearch does not answer
   */
  readonly wait: (taskUid: number) => Promise<TaskOutcome>;
  /**
   * Waits for a task that must succeed.
   * @throws EngineError `task` with Meilisearch's code and message, unless the code is in `accepted`. If Meilisearch does not
   * list the task, the code is `task_not_found`, and the caller must check whether the task took effect.
   */
  readonly settle: (taskUid: number, accepted?: readonly string[]) => Promise<void>;
  /** Waits until no task of the index is queued or running. */
  readonly drain: (indexUid: string) => Promise<void>;
}

interface Waiter {
  readonly taskUid: number;
  readonly deadline: number;
  readonly resolve: (outcome: TaskOutcome) => void;
  readonly reject: (error: EngineError) => void;
}

const FIRST_POLL_MS = 10;
const SLOWEST_POLL_MS = 500;
/** Maximum number of tasks in one request. The uids of the tasks are part of the URL, whose length is limited. */
const POLLED_TASKS = 500;
/**
 * Maximum time to wait for a task, in ms. If a task takes longer, Meilisearch still answers requests but probably does no work,
 * so the adapter gives up.
 */
const TASK_LIMIT_MS = 30 * 60_000;

export function createTasks(client: EngineClient, metrics: SearchMetrics, limitMs = TASK_LIMIT_MS): Tasks {
  const waiters = new Set<Waiter>();
  let polling = false;

  const pollOnce = async (): Promise<boolean> => {
    const uids = [...new Set([...waiters].map(({ taskUid }) => taskUid))].slice(0, POLLED_TASKS);
    const asked = new Set(uids);
    const tasks = await client.listTasks({ uids, limit: uids.length });
    const outcomes = new Map(tasks.map((task) => [task.uid, outcomeOf(task)]));
    let settled = false;
    for (const waiter of waiters) {
      if (!asked.has(waiter.taskUid)) continue;
      const outcome = outcomes.has(waiter.taskUid) ? outcomes.get(waiter.taskUid) : ({ status: 'unknown' } as const);
      if (outcome === undefined && Date.now() < waiter.deadline) continue;
      waiters.delete(waiter);
      settled = true;
      if (outcome !== undefined) waiter.resolve(outcome);
      else waiter.reject(new EngineError('task', `task ${waiter.taskUid} has not ended in ${limitMs} ms`));
    }
    return settled;
  };

  const poll = async (): Promise<void> => {
    polling = true;
    let delayMs = FIRST_POLL_MS;
    try {
      while (waiters.size > 0) {
        delayMs = (await pollOnce()) ? FIRST_POLL_MS : Math.min(delayMs * 1.5, SLOWEST_POLL_MS);
        if (waiters.size > 0) await pause(delayMs, client.signal);
      }
    } catch (error) {
      for (const waiter of waiters) waiter.reject(toEngineError(error));
      waiters.clear();
    } finally {
      polling = false;
    }
  };

  const wait = async (taskUid: number): Promise<TaskOutcome> => {
    metrics.searchTasksInFlight.inc({ engine: ENGINE });
    try {
      return await new Promise<TaskOutcome>((resolve, reject) => {
        waiters.add({ taskUid, deadline: Date.now() + limitMs, resolve, reject });
        if (!polling) poll().catch(reject);
      });
    } finally {
      metrics.searchTasksInFlight.dec({ engine: ENGINE });
    }
  };

  return {
    wait,
    settle: async (taskUid, accepted = []) => {
      const outcome = await wait(taskUid);
      if (outcome.status === 'succeeded') return;
      const error = taskError(taskUid, outcome);
      if (error.code === undefined || !accepted.includes(error.code)) throw error;
    },
    drain: async (indexUid) => {
      const query = { indexUids: [indexUid], statuses: ['enqueued' as const, 'processing' as const], limit: 1 };
      for (let delayMs = FIRST_POLL_MS; ; delayMs = Math.min(delayMs * 1.5, SLOWEST_POLL_MS)) {
        if ((await client.listTasks(query)).length === 0) return;
        await pause(delayMs, client.signal);
      }
    },
  };
}

/** Makes the error for a task that did not succeed, or that Meilisearch does not list. */
export function taskError(taskUid: number, outcome: Exclude<TaskOutcome, { status: 'succeeded' }>): EngineError {
  if (outcome.status === 'unknown') {
    return new EngineError('task', `Meilisearch does not list task ${taskUid}`, { code: 'task_not_found' });
  }
  const { status, code, message } = outcome;
  const text = `Meilisearch: task ${taskUid} ${status}: ${code ?? 'no code'}: ${message}`;
  return new EngineError('task', text, code === undefined ? {} : { code });
}

/** Returns how a task has ended, or `undefined` if it has not ended yet. */
function outcomeOf({ status, details, error }: Task): TaskOutcome | undefined {
  if (status === 'enqueued' || status === 'processing') return undefined;
  // Meilisearch returns `null` as the count if the same batch of tasks added the documents and then cleared the index.
  if (status === 'succeeded') return { status, indexedDocuments: details?.indexedDocuments ?? undefined };
  return { status, code: error?.code, message: withoutDocument(error?.message ?? '') };
}
