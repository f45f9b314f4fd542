import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { applyBatch, type Ending, failBatch } from './apply-batch.ts';
import { nextBatch } from './batching.ts';
import type { Faults } from './faults.ts';
import { ProblemError } from './problem.ts';
import { type State, type Task, type TaskWork, viewOf } from './state.ts';
import type { JsonObject } from './values.ts';

export interface Scheduler {
  /** Queues a task. @returns the engine's answer */
  readonly enqueue: (work: TaskWork, options: EnqueueOptions) => JsonObject;
  /** Makes the double start no further batches. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Processes one batch, even while the double is paused. @returns the tasks of the batch */
  readonly step: () => Promise<readonly JsonObject[]>;
  /** Discards the running batch, as a killed process does. `restart()` repeats the batch. */
  readonly crash: () => void;
  readonly restart: () => void;
  /** Aborts the running batch if it contains one of the tasks. */
  readonly interrupt: (uids: readonly number[]) => void;
}

export interface EnqueueOptions {
  readonly indexUid: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly customMetadata?: string | undefined;
}

export function createScheduler(state: State, faults: Faults, batchMs: number): Scheduler {
  let isPaused = false;
  let isDown = false;
  let running: Promise<unknown> | undefined;
  /** A number that increases with each crash and each interruption. A batch that began with a smaller number stops. */
  let generation = 0;

  const finish = ({ task, details, error }: Ending): void => {
    if (!state.tasks.has(task.uid)) return;
    task.details = { ...task.details, ...details };
    task.error = error;
    task.status = error === null ? 'succeeded' : 'failed';
    task.finishedAt = state.now();
  };

  const release = (): void => {
    generation += 1;
    for (const task of state.tasks.values()) {
      if (task.status !== 'processing') continue;
      Object.assign(task, { status: 'enqueued', startedAt: null, batchUid: null });
    }
  };

  const runBatch = async (): Promise<Task[]> => {
    const batch = nextBatch(state);
    if (batch.length === 0) return batch;
    const own = generation;
    const batchUid = state.nextBatchUid;
    state.nextBatchUid += 1;
    for (const task of batch) Object.assign(task, { status: 'processing', batchUid, startedAt: state.now() });
    await (batchMs > 0 ? delay(batchMs) : nextTurn());
    if (own !== generation) return [];
    const failure = faults.takeBatchFailure(batch);
    const endings =
      failure === undefined
        ? applyBatch(state, batch)
        : failBatch(batch, new ProblemError(500, failure, 'the batch failed').problem);
    if (batch.some(({ work }) => work.type === 'indexSwap') && faults.takeSecondSwap()) applyBatch(state, batch);
    // The content changes before the tasks report success. After a crash in between, the batch is repeated.
    await nextTurn();
    if (own !== generation) return [];
    for (const ending of endings) finish(ending);
    for (const task of batch) if (faults.takeVanishing(task)) state.tasks.delete(task.uid);
    return batch;
  };

  const pump = (): void => {
    if (isPaused || isDown || running !== undefined || nextBatch(state).length === 0) return;
    running = runBatch().finally(() => {
      running = undefined;
      pump();
    });
  };

  return {
    enqueue: (work, { indexUid, details, customMetadata }) => {
      const uid = state.nextTaskUid;
      state.nextTaskUid += 1;
      const task: Task = {
        uid,
        work,
        enqueuedAt: state.now(),
        customMetadata,
        batchUid: null,
        indexUid,
        status: 'enqueued',
        canceledBy: null,
        details: { ...details },
        error: null,
        startedAt: null,
        finishedAt: null,
      };
      state.tasks.set(uid, task);
      setImmediate(pump);
      const metadata = customMetadata === undefined ? {} : { customMetadata };
      return { taskUid: uid, indexUid, status: 'enqueued', type: work.type, enqueuedAt: task.enqueuedAt, ...metadata };
    },
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
      pump();
    },
    step: async () => {
      while (running !== undefined) await running;
      const batch = runBatch();
      running = batch;
      try {
        return (await batch).map(viewOf);
      } finally {
        running = undefined;
        pump();
      }
    },
    crash: () => {
      isDown = true;
      release();
    },
    restart: () => {
      isDown = false;
      pump();
    },
    interrupt: (uids) => {
      const isUnderWay = uids.some((uid) => state.tasks.get(uid)?.status === 'processing');
      if (isUnderWay) release();
    },
  };
}
