import { addDocuments, checkPoison, createIndex, existingIndex, removeDocuments } from './apply-documents.ts';
import { badRequest, indexNotFound, internal, type Problem, ProblemError } from './problem.ts';
import { DEFAULT_SETTINGS, mergeSettings } from './settings.ts';
import type { State, Swap, Task } from './state.ts';

/** The result of a task in a batch. It is stored after the content, because a real server can be killed between the two. */
export interface Ending {
  readonly task: Task;
  readonly details: Readonly<Record<string, unknown>>;
  readonly error: Problem | null;
}

/** Applies a batch to the content of the indexes. Either all documents of the batch are written, or none. */
export function applyBatch(state: State, batch: readonly Task[]): Ending[] {
  const types = new Set(batch.map(({ work }) => work.type));
  const last = batch.at(-1);
  if (types.has('documentAdditionOrUpdate') || types.has('documentDeletion')) {
    if (last?.work.type === 'indexDeletion') return dropWithDocuments(state, batch);
    return applyDocuments(state, batch);
  }
  return batch.map((task) => attempt(task, () => applyAlone(state, task)));
}

/** Makes every task of a batch fail with the same error, for example because the disk is full. */
export function failBatch(batch: readonly Task[], error: Problem): Ending[] {
  return batch.map((task) => ({ task, details: failureDetails(task), error }));
}

function applyDocuments(state: State, batch: readonly Task[]): Ending[] {
  const uid = batch[0]?.indexUid ?? '';
  const additions = batch.flatMap(({ work }) => (work.type === 'documentAdditionOrUpdate' ? [work] : []));
  if (!state.indexes.has(uid) && additions.length === 0) return failBatch(batch, indexNotFound(uid).problem);
  const index = state.indexes.get(uid) ?? createIndex(state, uid);
  try {
    for (const { documents } of additions) checkPoison(uid, documents);
  } catch (error) {
    return failBatch(batch, problemOf(error));
  }
  const isCleared = batch.at(-1)?.work.type === 'documentDeletion' && isClear(batch.at(-1));
  index.updatedAt = state.now();
  return batch.map((task) =>
    attempt(task, () => {
      const { work } = task;
      if (work.type === 'documentAdditionOrUpdate') {
        return { indexedDocuments: isCleared ? null : addDocuments(index, work) };
      }
      if (work.type !== 'documentDeletion') return {};
      if (work.deletion.by === 'ids' && work.deletion.ids.includes(''))
        throw internal('MDB_BAD_VALSIZE: Unsupported size of key/DB name/data, or wrong DUPFIXED size');
      return { deletedDocuments: removeDocuments(uid, index, work.deletion) };
    }),
  );
}

const isClear = (task: Task | undefined): boolean =>
  task?.work.type === 'documentDeletion' && task.work.deletion.by === 'all';

/**
 * Deletes an index. The documents that the same batch adds are discarded, but their tasks succeed with no indexed documents.
 */
function dropWithDocuments(state: State, batch: readonly Task[]): Ending[] {
  const uid = batch[0]?.indexUid ?? '';
  const deletedDocuments = state.indexes.get(uid)?.documents.size ?? 0;
  state.indexes.delete(uid);
  return batch.map((task) => ({
    task,
    details: task.work.type === 'documentAdditionOrUpdate' ? { indexedDocuments: 0 } : { deletedDocuments },
    error: null,
  }));
}

function applyAlone(state: State, { work, indexUid, uid: taskUid }: Task): Readonly<Record<string, unknown>> {
  const uid = indexUid ?? '';
  switch (work.type) {
    case 'indexCreation':
      if (state.indexes.has(uid)) throw badRequest('index_already_exists', `Index \`${uid}\` already exists.`);
      createIndex(state, uid, work.primaryKey);
      return {};
    case 'indexUpdate':
      updateIndex(state, uid, work.primaryKey, work.newUid);
      return {};
    case 'indexDeletion': {
      const { documents } = existingIndex(state, uid);
      state.indexes.delete(uid);
      return { deletedDocuments: documents.size };
    }
    case 'settingsUpdate': {
      const index = work.isReset ? existingIndex(state, uid) : (state.indexes.get(uid) ?? createIndex(state, uid));
      index.settings = work.isReset ? DEFAULT_SETTINGS : mergeSettings(index.settings, work.change);
      index.updatedAt = state.now();
      return {};
    }
    case 'indexSwap':
      swapIndexes(state, work.swaps, taskUid);
      return {};
    case 'taskCancelation':
      return { canceledTasks: cancelTasks(state, work.uids, taskUid) };
    case 'taskDeletion':
      return { deletedTasks: work.uids.filter((one) => isFinished(state, one) && state.tasks.delete(one)).length };
    default:
      return {};
  }
}

function updateIndex(state: State, uid: string, primaryKey: string | null, newUid: string | undefined): void {
  const index = existingIndex(state, uid);
  if (primaryKey !== null && index.primaryKey !== null && index.primaryKey !== primaryKey && index.documents.size > 0) {
    const problem = `Index \`${uid}\`: Index already has a primary key: \`${index.primaryKey}\`.`;
    throw badRequest('index_primary_key_already_exists', problem);
  }
  if (newUid !== undefined) {
    if (state.indexes.has(newUid)) throw badRequest('index_already_exists', `Index \`${newUid}\` already exists.`);
    state.indexes.delete(uid);
    state.indexes.set(newUid, index);
  }
  if (primaryKey !== null) index.primaryKey = primaryKey;
  index.updatedAt = state.now();
}

/** Swaps the contents of indexes, and the index names of older tasks. */
function swapIndexes(state: State, swaps: readonly Swap[], taskUid: number): void {
  const missing = swaps.flatMap(({ indexes, rename }) =>
    (rename ? indexes.slice(0, 1) : indexes).filter((uid) => !state.indexes.has(uid)),
  );
  if (missing.length > 0) throw indexNotFound(...missing);
  const taken = swaps.find(({ indexes, rename }) => rename && state.indexes.has(indexes[1]));
  if (taken !== undefined) {
    const [from, to] = taken.indexes;
    const problem = `Cannot rename \`${from}\` to \`${to}\` as the index already exists.`;
    const hint = `Hint: You can remove \`${to}\` first and then do your remove.`;
    throw badRequest('index_already_exists', `${problem} ${hint}`);
  }
  for (const { indexes } of swaps) {
    const [one, other] = indexes;
    const contents = [state.indexes.get(one), state.indexes.get(other)] as const;
    for (const [uid, content] of [
      [other, contents[0]],
      [one, contents[1]],
    ] as const) {
      if (content === undefined) state.indexes.delete(uid);
      else state.indexes.set(uid, content);
    }
    for (const task of state.tasks.values()) if (task.uid < taskUid) renameIn(task, one, other);
  }
}

function renameIn(task: Task, one: string, other: string): void {
  const renamed = (uid: string): string => (uid === one ? other : uid === other ? one : uid);
  if (task.indexUid !== null) task.indexUid = renamed(task.indexUid);
  if (task.work.type !== 'indexSwap') return;
  for (const swap of task.work.swaps) swap.indexes = [renamed(swap.indexes[0]), renamed(swap.indexes[1])];
}

function cancelTasks(state: State, uids: readonly number[], canceledBy: number): number {
  const now = state.now();
  const canceled = uids.flatMap((uid) => {
    const task = state.tasks.get(uid);
    return task === undefined || isFinished(state, uid) ? [] : [task];
  });
  for (const task of canceled) {
    Object.assign(task, { status: 'canceled', canceledBy, startedAt: now, finishedAt: now });
    task.details = { ...task.details, ...failureDetails(task) };
    task.batchUid = state.tasks.get(canceledBy)?.batchUid ?? null;
  }
  return canceled.length;
}

function isFinished(state: State, uid: number): boolean {
  const status = state.tasks.get(uid)?.status;
  return status === 'succeeded' || status === 'failed' || status === 'canceled';
}

function attempt(task: Task, work: () => Readonly<Record<string, unknown>>): Ending {
  try {
    return { task, details: work(), error: null };
  } catch (error) {
    return { task, details: failureDetails(task), error: problemOf(error) };
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  throw error;
}

/** Returns the details of a task that has failed. */
function failureDetails({ work }: Task): Readonly<Record<string, unknown>> {
  if (work.type === 'documentAdditionOrUpdate') return { indexedDocuments: 0 };
  return work.type === 'documentDeletion' || work.type === 'indexDeletion' ? { deletedDocuments: 0 } : {};
}
