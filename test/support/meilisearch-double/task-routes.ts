import { expectIndexes } from './keys.ts';
import { badRequest, ProblemError } from './problem.ts';
import { accepted, bodyOf, ok } from './reply.ts';
import type { Call, Reply, Route } from './route.ts';
import { type Swap, viewOf } from './state.ts';
import { listTasks, selectTasks, visibleTask } from './task-query.ts';
import { expectFields, expectIndexUid, expectKind, isObject } from './values.ts';

export const TASK_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/tasks',
    action: 'tasks.get',
    answer: (call) => ok(listTasks(call.state, call.access, call.query)),
  },
  { method: 'GET', path: '/tasks/:id', action: 'tasks.get', answer: getTask },
  { method: 'POST', path: '/tasks/cancel', action: 'tasks.cancel', answer: (call) => endTasks(call, 'cancel') },
  { method: 'DELETE', path: '/tasks', action: 'tasks.delete', answer: (call) => endTasks(call, 'delete') },
  { method: 'POST', path: '/swap-indexes', action: 'indexes.swap', answer: swapIndexes },
];

function getTask({ state, access, id }: Call): Reply {
  if (!/^\d{1,15}$/.test(id)) {
    const problem = `Task uid \`${id}\` is invalid. It should only contain numeric characters.`;
    throw badRequest('invalid_task_uids', problem);
  }
  const task = visibleTask(state, access, Number(id));
  if (task === undefined) throw new ProblemError(404, 'task_not_found', `Task \`${id}\` not found.`);
  return ok(viewOf(task));
}

function endTasks({ state, scheduler, access, query, queryString }: Call, verb: 'cancel' | 'delete'): Reply {
  const uids = selectTasks(state, access, query, verb).map(({ uid }) => uid);
  const type = verb === 'cancel' ? ('taskCancelation' as const) : ('taskDeletion' as const);
  const count = verb === 'cancel' ? { canceledTasks: null } : { deletedTasks: null };
  const details = { matchedTasks: uids.length, ...count, originalFilter: queryString };
  const summary = scheduler.enqueue({ type, uids }, { indexUid: null, details });
  if (verb === 'cancel') scheduler.interrupt(uids);
  return ok(summary);
}

function swapIndexes(call: Call): Reply {
  const code = 'invalid_swap_indexes';
  const body = bodyOf(call);
  expectKind(body, 'an array', '', 'bad_request');
  const swaps = (Array.isArray(body) ? body : []).map((swap: unknown, at): Swap => {
    const fields = isObject(swap) ? swap : {};
    expectFields(fields, ['indexes', 'rename'], `[${at}]`);
    const { indexes, rename = false } = fields;
    if (indexes === undefined) throw badRequest('missing_swap_indexes', `Missing field \`indexes\` inside \`[${at}]\``);
    expectKind(rename, 'a boolean', `[${at}].rename`, 'invalid_swap_rename');
    const uids: unknown[] = Array.isArray(indexes) ? indexes : [];
    for (const [position, uid] of uids.entries()) {
      expectKind(uid, 'a string', `[${at}].indexes[${position}]`, code);
      expectIndexUid(String(uid), `Invalid value at \`[${at}].indexes[${position}]\`: `, code);
    }
    const [one, other] = uids.map(String);
    if (one === undefined || other === undefined || uids.length !== 2) {
      const list = `[${uids.map((uid) => JSON.stringify(uid)).join(', ')}]`;
      const problem = `The list \`${list}\` contains ${uids.length} indexes.`;
      throw badRequest(code, `Two indexes must be given for each swap. ${problem}`);
    }
    return { indexes: [one, other], rename: rename === true };
  });
  const uids = swaps.flatMap(({ indexes }) => indexes);
  const repeated = [...new Set(uids.filter((uid, at) => uids.indexOf(uid) !== at))].sort();
  if (repeated.length > 0) {
    const list = `${repeated.map((uid) => `\`${uid}\``).join(', ')} ${repeated.length === 1 ? 'was' : 'were'}`;
    const problem = `Indexes must be declared only once during a swap. ${list} specified several times.`;
    throw badRequest('invalid_swap_duplicate_index_found', problem);
  }
  expectIndexes(call.access, uids);
  const options = { indexUid: null, details: { swaps } };
  return accepted(call.scheduler.enqueue({ type: 'indexSwap', swaps }, options));
}
