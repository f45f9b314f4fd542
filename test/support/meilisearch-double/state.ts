import type { Problem } from './problem.ts';
import type { Settings } from './settings.ts';
import type { JsonObject } from './values.ts';

export interface DoubleIndex {
  readonly createdAt: string;
  updatedAt: string;
  primaryKey: string | null;
  settings: Settings;
  /** Documents by their ids, in the order in which they were first added. */
  readonly documents: Map<string, JsonObject>;
}

export type TaskStatus = 'enqueued' | 'processing' | 'succeeded' | 'failed' | 'canceled';

/** What a task does, with the data that was sent for it. */
export type TaskWork =
  | { readonly type: 'indexCreation' | 'indexUpdate'; readonly primaryKey: string | null; readonly newUid?: string }
  | { readonly type: 'indexDeletion' }
  | { readonly type: 'settingsUpdate'; readonly change: JsonObject; readonly isReset: boolean }
  | {
      readonly type: 'documentAdditionOrUpdate';
      readonly documents: readonly JsonObject[];
      readonly primaryKey: string | undefined;
      readonly isPartial: boolean;
    }
  | { readonly type: 'documentDeletion'; readonly deletion: Deletion }
  | { readonly type: 'indexSwap'; readonly swaps: readonly Swap[] }
  | { readonly type: 'taskCancelation' | 'taskDeletion'; readonly uids: readonly number[] };

export type Deletion =
  | { readonly by: 'ids'; readonly ids: readonly string[] }
  | { readonly by: 'filter'; readonly filter: unknown }
  | { readonly by: 'all' };

export interface Swap {
  indexes: [string, string];
  readonly rename: boolean;
}

export interface Task {
  readonly uid: number;
  readonly work: TaskWork;
  readonly enqueuedAt: string;
  readonly customMetadata: string | undefined;
  batchUid: number | null;
  indexUid: string | null;
  status: TaskStatus;
  canceledBy: number | null;
  details: Record<string, unknown>;
  error: Problem | null;
  startedAt: string | null;
  finishedAt: string | null;
}

export interface ApiKey {
  readonly key: string;
  readonly uid: string;
  readonly description: string | null;
  readonly actions: readonly string[];
  readonly indexes: readonly string[];
  readonly expiresAt: string | null;
  readonly createdAt: string;
}

/** Everything that a server stores on disk. */
export interface State {
  readonly indexes: Map<string, DoubleIndex>;
  /** Tasks by their uids, in the order of their creation. */
  readonly tasks: Map<number, Task>;
  readonly keys: ApiKey[];
  nextTaskUid: number;
  nextBatchUid: number;
  /** Returns the current time as RFC 3339 with nine digits. Never returns the same time twice. */
  readonly now: () => string;
}

export function createState(): State {
  let last = 0n;
  return {
    indexes: new Map(),
    tasks: new Map(),
    keys: [],
    nextTaskUid: 0,
    nextBatchUid: 0,
    now: () => {
      const clock = BigInt(Date.now()) * 1_000_000n;
      last = clock > last ? clock : last + 1n;
      const date = new Date(Number(last / 1_000_000n)).toISOString();
      return `${date.slice(0, 20)}${String(last % 1_000_000_000n).padStart(9, '0')}Z`;
    },
  };
}

/** Returns a task in the format of `GET /tasks`. */
export function viewOf(task: Task): JsonObject {
  const { uid, batchUid, indexUid, status, canceledBy, details, error, enqueuedAt, startedAt, finishedAt } = task;
  return {
    uid,
    batchUid,
    indexUid,
    status,
    type: task.work.type,
    canceledBy,
    details,
    error,
    duration: finishedAt === null || startedAt === null ? null : durationOf(startedAt, finishedAt),
    enqueuedAt,
    startedAt,
    finishedAt,
    ...(task.customMetadata === undefined ? {} : { customMetadata: task.customMetadata }),
  };
}

function durationOf(from: string, to: string): string {
  return `PT${((Date.parse(to) - Date.parse(from)) / 1_000).toFixed(9)}S`;
}
