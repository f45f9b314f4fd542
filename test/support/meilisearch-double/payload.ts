import { badRequest, internal } from './problem.ts';
import { isObject, type JsonObject } from './values.ts';

/** Maximum depth of nesting in a document. The engine accepts documents with deeper nesting, but then fails on them. */
const MAX_NESTING = 128;

/** Reads the documents of a payload. */
export function parseDocuments(text: string, contentType: 'application/json' | 'application/x-ndjson'): JsonObject[] {
  if (contentType === 'application/x-ndjson') {
    return jsonValuesOf(text).map((value) => {
      if (isObject(value)) return value;
      throw internal(`invalid type: ${Array.isArray(value) ? 'sequence' : typeof value}, expected a map`);
    });
  }
  const value = parseJson(text, 'json');
  if (isObject(value)) return [value];
  if (Array.isArray(value) && value.every(isObject)) return value;
  throw malformed('json', "Couldn't serialize document value: data are neither an object nor a list of objects");
}

/** Reads JSON values that stand one after another in a text, usually one on each line. */
function jsonValuesOf(text: string): unknown[] {
  try {
    return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as unknown]));
  } catch {
    return splitValues(text).map((value) => parseJson(value, 'ndjson'));
  }
}

/** Splits a text after each closing bracket of the outermost level. */
function splitValues(text: string): string[] {
  const values: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:\\.|[^"\\])*"|[[\]{}]/gsu)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    if (depth !== 0 || token.startsWith('{') || token.startsWith('[')) continue;
    values.push(text.slice(start, index + token.length));
    start = index + token.length;
  }
  const rest = text.slice(start);
  return rest.trim() === '' ? values : [...values, rest];
}

function parseJson(text: string, format: 'json' | 'ndjson'): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed(format, `Couldn't serialize document value: ${cause instanceof Error ? cause.message : ''}`);
  }
}

export function malformed(format: 'json' | 'ndjson', reason: string): Error {
  const name = format === 'ndjson' || reason.startsWith("Couldn't") ? `\`${format}\`` : format;
  return badRequest('malformed_payload', `The ${name} payload provided is malformed. \`${reason}\`.`);
}

/**
 * Returns why the engine fails on a document after it has accepted the document. Such a document makes every task of its batch
 * fail.
 */
export function poisonOf(document: JsonObject): string | undefined {
  if ('_vectors' in document && !isObject(document['_vectors']))
    return 'invalid type, expected a map at line 1 column 1';
  return poisonIn(document, 0);
}

function poisonIn(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') {
    return value.isWellFormed() ? undefined : 'internal: unexpected end of hex escape at line 1 column 9.';
  }
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : 'internal: number out of range at line 1 column 5.';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= MAX_NESTING) return 'internal: recursion limit exceeded at line 1 column 636.';
  for (const part of Object.values(value)) {
    const poison = poisonIn(part, depth + 1);
    if (poison !== undefined) return poison;
  }
  return undefined;
}
