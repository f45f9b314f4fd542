import { existingIndex } from './apply-documents.ts';
import { DOCUMENT_ROUTES } from './document-routes.ts';
import { authorise, createKey, expectIndexes, keyView } from './keys.ts';
import { badRequest, ProblemError } from './problem.ts';
import { jsonOf } from './request-body.ts';
import type { Call, Reply, Route } from './route.ts';
import { checkSettings, SETTING_NAMES } from './settings.ts';
import type { DoubleIndex, Swap } from './state.ts';
import { viewOf } from './state.ts';
import { listTasks, selectTasks, visibleTask } from './task-query.ts';
import {
  expectFields,
  expectIndexUid,
  expectKind,
  expectParameters,
  isObject,
  type JsonObject,
  parameterNumber,
} from './values.ts';

/** What the double answers. Whatever else the engine has is not there: 404. */
export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/', action: 'none', answer: () => ok({ status: 'Meilisearch is running' }) },
  { method: 'GET', path: '/health', action: 'none', answer: () => ok({ status: 'available' }) },
  { method: 'GET', path: '/version', action: 'version', answer: () => ok(VERSION) },
  { method: 'GET', path: '/stats', action: 'stats.get', answer: allStats },
  { method: 'GET', path: '/indexes', action: 'indexes.get', answer: listIndexes },
  { method: 'POST', path: '/indexes', action: 'indexes.create', answer: createIndex },
  { method: 'GET', path: '/indexes/:uid', action: 'indexes.get', answer: getIndex },
  { method: 'PATCH', path: '/indexes/:uid', action: 'indexes.update', answer: updateIndex },
  { method: 'DELETE', path: '/indexes/:uid', action: 'indexes.delete', answer: deleteIndex },
  { method: 'GET', path: '/indexes/:uid/stats', action: 'stats.get', answer: getStats },
  { method: 'GET', path: '/indexes/:uid/settings', action: 'settings.get', answer: getSettings },
  { method: 'GET', path: '/indexes/:uid/settings/:id', action: 'settings.get', answer: getSetting },
  { method: 'PATCH', path: '/indexes/:uid/settings', action: 'settings.update', answer: updateSettings },
  { method: 'DELETE', path: '/indexes/:uid/settings', action: 'settings.update', answer: resetSettings },
  { method: 'POST', path: '/indexes/:uid/search', action: 'search', answer: search },
  ...DOCUMENT_ROUTES,
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
  {
    method: 'GET',
    path: '/keys',
    action: 'keys',
    answer: ({ state }) => ok({ results: state.keys.map(keyView), offset: 0, limit: 20, total: state.keys.length }),
  },
  { method: 'POST', path: '/keys', action: 'keys', answer: postKey },
];

const VERSION = { commitSha: 'unknown', commitDate: 'unknown', pkgVersion: '1.50.0' };

const ok = (body: unknown): Reply => ({ status: 200, body });
const accepted = (body: unknown): Reply => ({ status: 202, body });
const bodyOf = ({ body, headers }: Call): unknown => jsonOf(body, headers['content-type']);

function viewOfIndex(uid: string, { createdAt, updatedAt, primaryKey }: DoubleIndex): JsonObject {
  return { uid, createdAt, updatedAt, primaryKey };
}

function listIndexes({ state, access, query }: Call): Reply {
  expectParameters(query, ['offset', 'limit']);
  const limit = parameterNumber(query, 'limit', 'invalid_index_limit') ?? 20;
  const offset = parameterNumber(query, 'offset', 'invalid_index_offset') ?? 0;
  const uids = [...state.indexes.keys()].filter(access.maySee).sort();
  const results = uids.slice(offset, offset + limit).map((uid) => viewOfIndex(uid, existingIndex(state, uid)));
  return ok({ results, offset, limit, total: uids.length });
}

function createIndex(call: Call): Reply {
  const body = bodyOf(call);
  expectKind(body, 'an object', '', 'bad_request');
  const fields = isObject(body) ? body : {};
  expectFields(fields, ['uid', 'primaryKey'], '');
  const { uid, primaryKey = null } = fields;
  if (uid === undefined) throw badRequest('missing_index_uid', 'Missing field `uid`');
  expectIndexUid(String(uid), 'Invalid value at `.uid`: ');
  expectIndexes(call.access, [String(uid)]);
  const key = typeof primaryKey === 'string' ? primaryKey : null;
  const options = { indexUid: String(uid), details: { primaryKey: key } };
  return accepted(call.scheduler.enqueue({ type: 'indexCreation', primaryKey: key }, options));
}

function getIndex({ state, uid }: Call): Reply {
  return ok(viewOfIndex(uid, existingIndex(state, uid)));
}

function updateIndex(call: Call): Reply {
  const body = bodyOf(call);
  const fields = isObject(body) ? body : {};
  expectFields(fields, ['uid', 'primaryKey'], '');
  const { uid, primaryKey = null } = fields;
  const key = typeof primaryKey === 'string' ? primaryKey : null;
  const isRenamed = typeof uid === 'string';
  if (isRenamed) expectIndexUid(uid, 'Invalid value at `.uid`: ');
  const details = { primaryKey: key, ...(isRenamed ? { oldIndexUid: call.uid, newIndexUid: uid } : {}) };
  const work = { type: 'indexUpdate' as const, primaryKey: key, ...(isRenamed ? { newUid: uid } : {}) };
  return accepted(call.scheduler.enqueue(work, { indexUid: call.uid, details }));
}

function deleteIndex({ scheduler, uid }: Call): Reply {
  return accepted(scheduler.enqueue({ type: 'indexDeletion' }, { indexUid: uid, details: { deletedDocuments: null } }));
}

function statsOf({ state }: Call, uid: string): JsonObject {
  const { documents } = existingIndex(state, uid);
  const fields = new Map<string, number>();
  let bytes = 0;
  for (const document of documents.values()) {
    bytes += JSON.stringify(document).length;
    for (const name of Object.keys(document)) fields.set(name, (fields.get(name) ?? 0) + 1);
  }
  return {
    numberOfDocuments: documents.size,
    rawDocumentDbSize: bytes,
    avgDocumentSize: documents.size === 0 ? 0 : Math.round(bytes / documents.size),
    isIndexing: [...state.tasks.values()].some(({ indexUid, status }) => indexUid === uid && status === 'processing'),
    numberOfEmbeddings: 0,
    numberOfEmbeddedDocuments: 0,
    fieldDistribution: Object.fromEntries([...fields].sort()),
  };
}

function getStats(call: Call): Reply {
  return ok(statsOf(call, call.uid));
}

function allStats(call: Call): Reply {
  const uids = [...call.state.indexes.keys()].filter(call.access.maySee).sort();
  const indexes = Object.fromEntries(uids.map((uid) => [uid, statsOf(call, uid)]));
  return ok({ databaseSize: 0, usedDatabaseSize: 0, lastUpdate: null, indexes });
}

function getSettings({ state, uid }: Call): Reply {
  return ok(existingIndex(state, uid).settings);
}

function getSetting({ state, uid, id }: Call): Reply {
  const name = id.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const { settings } = existingIndex(state, uid);
  if (!(name in settings)) throw new ProblemError(404, 'not_found', '');
  return ok(settings[name]);
}

function updateSettings(call: Call): Reply {
  const change = checkSettings(bodyOf(call));
  const work = { type: 'settingsUpdate', change, isReset: false } as const;
  return accepted(call.scheduler.enqueue(work, { indexUid: call.uid, details: change }));
}

function resetSettings({ scheduler, uid }: Call): Reply {
  const details = {
    ...Object.fromEntries(SETTING_NAMES.map((name) => [name, null])),
    displayedAttributes: ['*'],
    searchableAttributes: ['*'],
  };
  return accepted(scheduler.enqueue({ type: 'settingsUpdate', change: {}, isReset: true }, { indexUid: uid, details }));
}

function search(call: Call): Reply {
  const body = bodyOf(call);
  return ok(call.search(call.uid, existingIndex(call.state, call.uid), body));
}

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

function postKey(call: Call): Reply {
  authorise(call.access, 'keys');
  return { status: 201, body: keyView(createKey(call.state, call.masterKey, bodyOf(call))) };
}
