import { checkFilter, passes, readFilter } from './filter.ts';
import { poisonOf } from './payload.ts';
import { badRequest, indexNotFound, internal } from './problem.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import type { Deletion, DoubleIndex, State, Task } from './state.ts';
import { isObject, type JsonObject } from './values.ts';

type Additions = Extract<Task['work'], { type: 'documentAdditionOrUpdate' }>;

const DOCUMENT_ID = /^[A-Za-z0-9_-]{1,511}$/;

export function createIndex(state: State, uid: string, primaryKey: string | null = null): DoubleIndex {
  const now = state.now();
  const index = { createdAt: now, updatedAt: now, primaryKey, settings: DEFAULT_SETTINGS, documents: new Map() };
  state.indexes.set(uid, index);
  return index;
}

/** Throws an error if the engine would accept one of the documents and then fail on it. */
export function checkPoison(indexUid: string, documents: readonly JsonObject[]): void {
  for (const document of documents) {
    const poison = poisonOf(document);
    if (poison !== undefined) throw internal(`Index \`${indexUid}\`: ${poison}`);
  }
}

/** Adds all documents of one payload, or none of them. @returns the number of documents */
export function addDocuments(index: DoubleIndex, { documents, primaryKey, isPartial }: Additions): number {
  const key = primaryKeyOf(index, primaryKey, documents[0]);
  const added = new Map<string, JsonObject>();
  for (const document of documents) {
    const id = documentIdOf(document, key);
    const old = isPartial ? (added.get(id) ?? index.documents.get(id)) : undefined;
    added.set(id, { ...old, ...document });
  }
  index.primaryKey ??= key;
  for (const [id, document] of added) index.documents.set(id, document);
  return added.size;
}

/** Removes documents. @returns the number of removed documents */
export function removeDocuments(indexUid: string, index: DoubleIndex, deletion: Deletion): number {
  const before = index.documents.size;
  if (deletion.by === 'all') index.documents.clear();
  else if (deletion.by === 'ids') for (const id of deletion.ids) index.documents.delete(id);
  else {
    const filter = readFilter(deletion.filter, 'invalid_document_filter');
    if (filter !== undefined) checkFilter(filter, index.settings, indexUid, 'invalid_document_filter');
    for (const [id, document] of index.documents) if (passes(filter, document)) index.documents.delete(id);
  }
  return before - index.documents.size;
}

/** Returns the index of a task. Throws the task's error if the index is missing. */
export function existingIndex(state: State, uid: string): DoubleIndex {
  const index = state.indexes.get(uid);
  if (index === undefined) throw indexNotFound(uid);
  return index;
}

function primaryKeyOf(index: DoubleIndex, given: string | undefined, first: JsonObject | undefined): string {
  if (index.primaryKey !== null) {
    if (given === undefined || given === index.primaryKey) return index.primaryKey;
    const problem = `Index already has a primary key: \`${index.primaryKey}\`.`;
    throw badRequest('index_primary_key_already_exists', problem);
  }
  if (given !== undefined) return given;
  const candidates = Object.keys(first ?? {})
    .filter((name) => name.toLowerCase().endsWith('id'))
    .sort();
  const [only, second] = candidates;
  const remedy = 'Please specify the primary key manually using the `primaryKey` query parameter.';
  if (only === undefined) {
    const problem =
      'The primary key inference failed as the engine did not find any field ending with `id` in its name.';
    throw badRequest('index_primary_key_no_candidate_found', `${problem} ${remedy}`);
  }
  if (second === undefined) return only;
  const found = `${candidates.length} fields ending with \`id\` in their names: '${only}' and '${second}'`;
  throw badRequest(
    'index_primary_key_multiple_candidates_found',
    `The primary key inference failed as the engine found ${found}. ${remedy}`,
  );
}

function documentIdOf(document: JsonObject, primaryKey: string): string {
  if (!Object.hasOwn(document, primaryKey)) {
    const problem = `Document doesn't have a \`${primaryKey}\` attribute: \`${JSON.stringify(document)}\`.`;
    throw badRequest('missing_document_id', problem);
  }
  const id = document[primaryKey];
  if (typeof id === 'number' && Number.isInteger(id)) return String(id);
  if (typeof id === 'string' && DOCUMENT_ID.test(id)) return id;
  const rule =
    'A document identifier can be of type integer or string, only composed of alphanumeric characters (a-z A-Z 0-9), ' +
    'hyphens (-) and underscores (_), and can not be more than 511 bytes.';
  throw badRequest('invalid_document_id', `Document identifier \`${JSON.stringify(id)}\` is invalid. ${rule}`);
}

/** Returns the filter that the details of a task show. */
export function originalFilterOf(deletion: Deletion): string | null {
  if (deletion.by !== 'filter') return null;
  return typeof deletion.filter === 'string' || isObject(deletion.filter) || Array.isArray(deletion.filter)
    ? JSON.stringify(deletion.filter)
    : null;
}
