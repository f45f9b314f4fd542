import type { State, Task } from './state.ts';

type Kind = 'add' | 'delete' | 'delete by filter' | 'clear' | 'drop' | 'settings' | 'alone';

/**
 * Kinds of tasks that may follow in a batch, by the kind of the batch's last task. A task that clears or deletes the index ends
 * the batch.
 */
const FOLLOWERS: Readonly<Record<Kind, readonly Kind[]>> = {
  add: ['add', 'delete', 'clear', 'drop'],
  delete: ['add', 'delete', 'delete by filter', 'clear', 'drop'],
  'delete by filter': ['add', 'delete', 'delete by filter', 'clear', 'drop'],
  clear: ['clear', 'drop'],
  drop: [],
  settings: ['settings'],
  alone: [],
};

/** Returns the tasks of the next batch. Returns no tasks if nothing is queued. */
export function nextBatch(state: State): Task[] {
  const queued = [...state.tasks.values()].filter(({ status }) => status === 'enqueued');
  const cancelation = queued.find(({ work }) => work.type === 'taskCancelation');
  if (cancelation !== undefined) return [cancelation];
  const deletions = queued.filter(({ work }) => work.type === 'taskDeletion');
  if (deletions.length > 0) return deletions;

  const [first, ...rest] = queued;
  if (first === undefined) return [];
  const batch = [first];
  if (kindOf(first) === 'alone') return batch;
  for (const task of rest) {
    if (isBarrier(task, first.indexUid)) break;
    if (task.indexUid !== first.indexUid) continue;
    if (!joins(state, batch, task)) break;
    batch.push(task);
  }
  return batch;
}

function kindOf({ work }: Task): Kind {
  if (work.type === 'documentAdditionOrUpdate') return 'add';
  if (work.type === 'settingsUpdate') return 'settings';
  if (work.type === 'indexDeletion') return 'drop';
  if (work.type !== 'documentDeletion') return 'alone';
  return work.deletion.by === 'all' ? 'clear' : work.deletion.by === 'filter' ? 'delete by filter' : 'delete';
}

/**
 * Tells whether a task swaps the index with another one. Tasks for this index that come after the swap change other content, so
 * they cannot be in a batch with tasks that come before it.
 */
function isBarrier({ work }: Task, indexUid: string | null): boolean {
  return work.type === 'indexSwap' && work.swaps.some(({ indexes }) => indexes.some((uid) => uid === indexUid));
}

function joins(state: State, batch: readonly Task[], task: Task): boolean {
  const last = batch.at(-1);
  const kind = kindOf(task);
  if (last === undefined || !FOLLOWERS[kindOf(last)].includes(kind)) return false;
  // A task that deletes by filter needs indexed documents, so it cannot join a batch that adds documents.
  if (kind === 'delete by filter' && batch.some((one) => kindOf(one) === 'add')) return false;
  return [...batch, task].every((one) => hasKey(state, one, batch[0]));
}

/**
 * Tells whether a payload has the same primary key as the first one. Payloads with different primary keys are not put into one
 * batch.
 */
function hasKey(state: State, { work }: Task, first: Task | undefined): boolean {
  if (work.type !== 'documentAdditionOrUpdate' || work.primaryKey === undefined) return true;
  const own = state.indexes.get(first?.indexUid ?? '')?.primaryKey ?? undefined;
  const named = first?.work.type === 'documentAdditionOrUpdate' ? first.work.primaryKey : undefined;
  return [own, named].every((key) => key === undefined || key === work.primaryKey);
}
