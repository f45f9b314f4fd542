import type { Access } from './keys.ts';
import { badRequest } from './problem.ts';
import { type State, type Task, viewOf } from './state.ts';
import { expectIndexUid, expectParameters, type JsonObject, parameterNumber } from './values.ts';

const TIMES = ['EnqueuedAt', 'StartedAt', 'FinishedAt'] as const;
const FILTERS = [
  'uids',
  'batchUids',
  'canceledBy',
  'types',
  'statuses',
  'indexUids',
  ...TIMES.flatMap((time) => [`after${time}`, `before${time}`]),
];
const LIST_PARAMETERS = ['limit', 'from', 'reverse', 'batchUids', ...FILTERS.filter((name) => name !== 'batchUids')];
const STATUSES = ['enqueued', 'processing', 'succeeded', 'failed', 'canceled'];
const TYPES =
  'documentAdditionOrUpdate documentEdition documentDeletion settingsUpdate indexCreation indexDeletion indexUpdate indexSwap taskCancelation taskDeletion dumpCreation snapshotCreation export upgradeDatabase indexCompaction networkTopologyChange'.split(
    ' ',
  );

type Predicate = (task: Task) => boolean;

/** Answers `GET /tasks`, newest first. `total` also counts tasks that the key may not see. */
export function listTasks(state: State, access: Access, parameters: URLSearchParams): JsonObject {
  expectParameters(parameters, LIST_PARAMETERS);
  const limit = parameterNumber(parameters, 'limit', 'invalid_task_limit') ?? 20;
  const from = parameterNumber(parameters, 'from', 'invalid_task_from');
  const isReverse = parameters.get('reverse') === 'true';
  const matching = matchingTasks(state, parameters);
  const ordered = isReverse ? matching : matching.toReversed();
  const rest = ordered
    .filter((task) => isShown(task, access, parameters))
    .filter(({ uid }) => from === undefined || (isReverse ? uid >= from : uid <= from));
  const results = rest.slice(0, limit);
  return {
    results: results.map(viewOf),
    total: matching.length,
    limit,
    from: results[0]?.uid ?? null,
    next: rest[limit]?.uid ?? null,
  };
}

/** Returns the tasks that a request cancels or deletes. The request needs at least one filter. */
export function selectTasks(state: State, access: Access, parameters: URLSearchParams, verb: string): Task[] {
  expectParameters(parameters, FILTERS);
  if (parameters.size === 0) {
    const available = [
      'uids',
      'indexUids',
      'statuses',
      'types',
      'canceledBy',
      ...TIMES.flatMap((time) => [`before${time}`, `after${time}`]),
    ];
    const listed = available.map((name) => `\`${name}\``).join(', ');
    const problem = `Query parameters to filter the tasks to ${verb} are missing.`;
    throw badRequest('missing_task_filters', `${problem} Available query parameters are: ${listed}.`);
  }
  return matchingTasks(state, parameters).filter((task) => isShown(task, access, new URLSearchParams()));
}

/** Returns a task if the key may see it. */
export function visibleTask(state: State, access: Access, uid: number): Task | undefined {
  const task = state.tasks.get(uid);
  return task !== undefined && isShown(task, access, new URLSearchParams()) ? task : undefined;
}

function isShown({ indexUid }: Task, { isGlobal, maySee }: Access, parameters: URLSearchParams): boolean {
  return indexUid === null ? isGlobal && !parameters.has('indexUids') : maySee(indexUid);
}

function matchingTasks(state: State, parameters: URLSearchParams): Task[] {
  const predicates = [
    numbers(parameters, 'uids', ({ uid }) => uid),
    numbers(parameters, 'batchUids', ({ batchUid }) => batchUid),
    numbers(parameters, 'canceledBy', ({ canceledBy }) => canceledBy),
    names(parameters, 'types', TYPES, 'type', ({ work }) => work.type),
    names(parameters, 'statuses', STATUSES, 'status', ({ status }) => status),
    indexes(parameters),
    ...TIMES.flatMap((time) => [bound(parameters, 'after', time), bound(parameters, 'before', time)]),
  ].filter((predicate) => predicate !== undefined);
  return [...state.tasks.values()].filter((task) => predicates.every((predicate) => predicate(task)));
}

/** Returns the values of a list parameter. Returns `undefined` if the parameter is absent or means all. */
function valuesOf(parameters: URLSearchParams, name: string): string[] | undefined {
  // If a parameter is repeated, the last value counts.
  const value = parameters.getAll(name).at(-1);
  return value === undefined || value === '*' ? undefined : value.split(',').filter((one) => one !== '');
}

function numbers(parameters: URLSearchParams, name: string, of: (task: Task) => number | null): Predicate | undefined {
  const values = valuesOf(parameters, name);
  if (values === undefined) return undefined;
  const bad = values.find((value) => !/^\d{1,15}$/.test(value));
  if (bad !== undefined) {
    const code = `invalid_task_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    throw badRequest(code, `Invalid value in parameter \`${name}\`: could not parse \`${bad}\` as a positive integer`);
  }
  const wanted = new Set<number | null>(values.map(Number));
  return (task) => wanted.has(of(task));
}

function names(
  parameters: URLSearchParams,
  name: string,
  known: readonly string[],
  noun: string,
  of: (task: Task) => string,
): Predicate | undefined {
  const values = valuesOf(parameters, name);
  if (values === undefined) return undefined;
  const bad = values.find((value) => !known.some((one) => one.toLowerCase() === value.toLowerCase()));
  if (bad !== undefined) {
    const plural = noun === 'status' ? 'statuses' : `${noun}s`;
    const available = `Available ${plural} are ${known.map((one) => `\`${one}\``).join(', ')}.`;
    const problem = `Invalid value in parameter \`${name}\`: \`${bad}\` is not a valid task ${noun}.`;
    throw badRequest(`invalid_task_${plural}`, `${problem} ${available}`);
  }
  const wanted = new Set(values.map((value) => value.toLowerCase()));
  return (task) => wanted.has(of(task).toLowerCase());
}

/** Selects tasks of the given indexes, and swaps that name these indexes. */
function indexes(parameters: URLSearchParams): Predicate | undefined {
  const values = valuesOf(parameters, 'indexUids');
  if (values === undefined) return undefined;
  for (const value of values) expectIndexUid(value, 'Invalid value in parameter `indexUids`: ');
  const wanted = new Set<string | null>(values);
  return ({ indexUid, work }) =>
    wanted.has(indexUid) ||
    (work.type === 'indexSwap' && work.swaps.some((swap) => swap.indexes.some((uid) => wanted.has(uid))));
}

function bound(
  parameters: URLSearchParams,
  side: 'after' | 'before',
  time: (typeof TIMES)[number],
): Predicate | undefined {
  const name = `${side}${time}`;
  const value = parameters.get(name);
  if (value === null) return undefined;
  const limit = /^\d{4}-\d\d-\d\d(?:T.+)?$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(limit)) {
    const rule = 'It should follow the YYYY-MM-DD or RFC 3339 date-time format.';
    const code = `invalid_task_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    throw badRequest(code, `Invalid value in parameter \`${name}\`: \`${value}\` is an invalid date-time. ${rule}`);
  }
  const of = { EnqueuedAt: 'enqueuedAt', StartedAt: 'startedAt', FinishedAt: 'finishedAt' } as const;
  return (task) => {
    const at = task[of[time]];
    return at !== null && (side === 'after' ? Date.parse(at) > limit : Date.parse(at) < limit);
  };
}
