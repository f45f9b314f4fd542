import { existingIndex, originalFilterOf } from './apply-documents.ts';
import { checkFilter, passes, readFilter } from './filter.ts';
import { parseDocuments } from './payload.ts';
import { badRequest, ProblemError } from './problem.ts';
import { contentTypeOf, jsonOf, textOf } from './request-body.ts';
import type { Call, Reply, Route } from './route.ts';
import type { Deletion } from './state.ts';
import { expectFields, expectKind, expectParameters, isObject, type JsonObject, parameterNumber } from './values.ts';

const CONTENT_TYPES = ['application/json', 'application/x-ndjson', 'text/csv'] as const;

export const DOCUMENT_ROUTES: readonly Route[] = [
  { method: 'POST', path: '/indexes/:uid/documents', action: 'documents.add', answer: (call) => add(call, false) },
  { method: 'PUT', path: '/indexes/:uid/documents', action: 'documents.add', answer: (call) => add(call, true) },
  { method: 'GET', path: '/indexes/:uid/documents', action: 'documents.get', answer: list },
  { method: 'POST', path: '/indexes/:uid/documents/fetch', action: 'documents.get', answer: fetchDocuments },
  { method: 'GET', path: '/indexes/:uid/documents/:id', action: 'documents.get', answer: get },
  {
    method: 'DELETE',
    path: '/indexes/:uid/documents',
    action: 'documents.delete',
    answer: (call) => remove(call, { by: 'all' }),
  },
  {
    method: 'DELETE',
    path: '/indexes/:uid/documents/:id',
    action: 'documents.delete',
    answer: (call) => remove(call, { by: 'ids', ids: [call.id] }),
  },
  { method: 'POST', path: '/indexes/:uid/documents/delete-batch', action: 'documents.delete', answer: deleteBatch },
  { method: 'POST', path: '/indexes/:uid/documents/delete', action: 'documents.delete', answer: deleteMatching },
];

function add({ scheduler, uid, query, headers, body }: Call, isPartial: boolean): Reply {
  expectParameters(query, ['primaryKey', 'csvDelimiter', 'customMetadata', 'skipCreation']);
  const contentType = contentTypeOf(headers['content-type'], CONTENT_TYPES);
  if (contentType === 'text/csv') throw badRequest('not_done_by_the_double', 'The double reads no CSV.');
  const text = textOf(body, contentType === 'application/json' ? 'json' : 'ndjson');
  const documents = parseDocuments(text, contentType);
  const primaryKey = query.get('primaryKey') ?? undefined;
  const work = { type: 'documentAdditionOrUpdate', documents, primaryKey, isPartial } as const;
  const details = { receivedDocuments: documents.length, indexedDocuments: null };
  const customMetadata = query.get('customMetadata') ?? undefined;
  return { status: 202, body: scheduler.enqueue(work, { indexUid: uid, details, customMetadata }) };
}

function remove({ scheduler, uid }: Call, deletion: Deletion): Reply {
  const providedIds = deletion.by === 'ids' ? deletion.ids.length : 0;
  const details =
    deletion.by === 'all'
      ? { deletedDocuments: null }
      : { providedIds, deletedDocuments: null, originalFilter: originalFilterOf(deletion) };
  return { status: 202, body: scheduler.enqueue({ type: 'documentDeletion', deletion }, { indexUid: uid, details }) };
}

function deleteBatch(call: Call): Reply {
  const ids = jsonOf(call.body, call.headers['content-type']);
  if (!Array.isArray(ids)) {
    const problem = 'Json deserialize error: invalid type: map, expected a sequence at line 1 column 0';
    throw badRequest('bad_request', problem);
  }
  return remove(call, { by: 'ids', ids: ids.map(String) });
}

function deleteMatching(call: Call): Reply {
  const body = jsonOf(call.body, call.headers['content-type']);
  expectKind(body, 'an object', '', 'bad_request');
  if (!isObject(body) || !('filter' in body)) throw badRequest('missing_document_filter', 'Missing field `filter`');
  expectFields(body, ['filter'], '');
  if (readFilter(body['filter'], 'invalid_document_filter') === undefined) {
    throw badRequest('invalid_document_filter', 'Sending an empty filter is forbidden.');
  }
  return remove(call, { by: 'filter', filter: body['filter'] });
}

function get({ state, uid, id, query }: Call): Reply {
  const document = existingIndex(state, uid).documents.get(id);
  if (document === undefined) throw new ProblemError(404, 'document_not_found', `Document \`${id}\` not found.`);
  return { status: 200, body: pick(document, query.get('fields')?.split(',')) };
}

function list(call: Call): Reply {
  const { query } = call;
  expectParameters(query, ['offset', 'limit', 'fields', 'retrieveVectors', 'ids', 'filter', 'sort']);
  return page(call, {
    limit: parameterNumber(query, 'limit', 'invalid_document_limit'),
    offset: parameterNumber(query, 'offset', 'invalid_document_offset'),
    fields: query.get('fields')?.split(','),
    ids: query.get('ids')?.split(','),
    filter: query.get('filter'),
  });
}

function fetchDocuments(call: Call): Reply {
  const body = jsonOf(call.body, call.headers['content-type']);
  expectKind(body, 'an object', '', 'bad_request');
  if (!isObject(body)) return { status: 200, body: {} };
  expectFields(body, ['offset', 'limit', 'fields', 'retrieveVectors', 'ids', 'filter', 'sort'], '');
  const { limit, offset, fields, ids, filter, sort } = body;
  return page(call, {
    limit: typeof limit === 'number' ? limit : undefined,
    offset: typeof offset === 'number' ? offset : undefined,
    fields: Array.isArray(fields) ? fields.map(String) : undefined,
    ids: Array.isArray(ids) ? ids.map(String) : undefined,
    filter,
    sort: Array.isArray(sort) ? sort.map(String) : [],
  });
}

interface Selection {
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
  readonly fields?: readonly string[] | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly filter?: unknown;
  readonly sort?: readonly string[];
}

function page({ state, uid }: Call, { limit = 20, offset = 0, fields, ids, filter, sort = [] }: Selection): Reply {
  const { documents, settings } = existingIndex(state, uid);
  const condition = readFilter(filter, 'invalid_document_filter');
  if (condition !== undefined) checkFilter(condition, settings, uid, 'invalid_document_filter');
  const selected = [...documents]
    .filter(([id, document]) => (ids?.includes(id) ?? true) && passes(condition, document))
    .map(([, document]) => document);
  const results = sorted(selected, sort)
    .slice(offset, offset + limit)
    .map((document) => pick(document, fields));
  return { status: 200, body: { results, offset, limit, total: selected.length } };
}

function sorted(documents: readonly JsonObject[], [rule]: readonly string[]): readonly JsonObject[] {
  const [name = '', direction] = rule?.split(':') ?? [];
  if (rule === undefined) return documents;
  const sign = direction === 'desc' ? -1 : 1;
  return documents.toSorted((a, b) => sign * (Number(a[name]) - Number(b[name])));
}

function pick(document: JsonObject, fields: readonly string[] | undefined): JsonObject {
  if (fields === undefined || fields.includes('*')) return document;
  return Object.fromEntries(Object.entries(document).filter(([name]) => fields.includes(name)));
}
