import { existingIndex } from './apply-documents.ts';
import { DOCUMENT_ROUTES } from './document-routes.ts';
import { authorise, createKey, expectIndexes, keyView } from './keys.ts';
import { badRequest, ProblemError } from './problem.ts';
import { accepted, bodyOf, ok } from './reply.ts';
import type { Call, Reply, Route } from './route.ts';
import { checkSettings, SETTING_NAMES } from './settings.ts';
import type { DoubleIndex } from './state.ts';
import { TASK_ROUTES } from './task-routes.ts';
import {
  expectFields,
  expectIndexUid,
  expectKind,
  expectParameters,
  isObject,
  type JsonObject,
  parameterNumber,
} from './values.ts';

/** The routes of the double. Other routes of the engine answer 404. */
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
  ...TASK_ROUTES,
  {
    method: 'GET',
    path: '/keys',
    action: 'keys',
    answer: ({ state }) => ok({ results: state.keys.map(keyView), offset: 0, limit: 20, total: state.keys.length }),
  },
  { method: 'POST', path: '/keys', action: 'keys', answer: postKey },
];

const VERSION = { commitSha: 'unknown', commitDate: 'unknown', pkgVersion: '1.50.0' };

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
  const indexUid = typeof uid === 'string' ? uid : JSON.stringify(uid);
  expectIndexUid(indexUid, 'Invalid value at `.uid`: ');
  expectIndexes(call.access, [indexUid]);
  const key = typeof primaryKey === 'string' ? primaryKey : null;
  const options = { indexUid, details: { primaryKey: key } };
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
    fieldDistribution: Object.fromEntries([...fields].sort(([one], [other]) => (one < other ? -1 : 1))),
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

function postKey(call: Call): Reply {
  authorise(call.access, 'keys');
  return { status: 201, body: keyView(createKey(call.state, call.masterKey, bodyOf(call))) };
}
