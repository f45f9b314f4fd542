import { badRequest } from './problem.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  'a string': (value) => typeof value === 'string',
  'a boolean': (value) => typeof value === 'boolean',
  'an array': Array.isArray,
  'an object': isObject,
  'a positive integer': (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  'a negative integer': (value) => Number.isSafeInteger(value) && Number(value) < 0,
  'a number': (value) => typeof value === 'number',
};

/** Returns the name of a value's type, as the engine's errors use it. */
function describe(value: unknown): string {
  if (value === null) return 'null';
  const kind = Object.entries(KINDS).find(([, test]) => test(value))?.[0] ?? 'null';
  return `${kind}: \`${JSON.stringify(value)}\``;
}

/** Checks the kind of a value. `path` says where the value is, for example `.limit`. */
export function expectKind(value: unknown, kind: string, path: string, code: string): void {
  if (KINDS[kind]?.(value)) return;
  const at = path === '' ? '' : ` at \`${path}\``;
  throw badRequest(code, `Invalid value type${at}: expected ${kind}, but found ${describe(value)}`);
}

/** Refuses unknown members of an object. */
export function expectFields(object: JsonObject, known: readonly string[], path: string, code = 'bad_request'): void {
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const inside = path === '' ? '' : ` inside \`${path}\``;
  const near = known.find((name) => isNear(name, unknown));
  const hint = near === undefined ? '' : `did you mean \`${near}\`? `;
  throw badRequest(code, `Unknown field \`${unknown}\`${inside}: ${hint}expected one of ${listOf(known)}`);
}

/** Refuses unknown parameters of a URL. */
export function expectParameters(parameters: URLSearchParams, known: readonly string[]): void {
  const unknown = [...parameters.keys()].find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw badRequest('bad_request', `Unknown parameter \`${unknown}\`: expected one of ${listOf(known)}`);
}

export function expectOneOf(value: unknown, known: readonly string[], path: string, code: string): void {
  if (known.some((name) => name === value)) return;
  throw badRequest(code, `Unknown value \`${String(value)}\` at \`${path}\`: expected one of ${listOf(known)}`);
}

/** Reads a numeric parameter of a URL. */
export function parameterNumber(parameters: URLSearchParams, name: string, code: string): number | undefined {
  const value = parameters.get(name);
  if (value === null) return undefined;
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw badRequest(code, `Invalid value in parameter \`${name}\`: could not parse \`${value}\` as a positive integer`);
}

const UID = /^[A-Za-z0-9_-]{1,400}$/;

/** Checks the name of an index. `where` is the beginning of the error message, for example `Invalid value at \`.uid\`: `. */
export function expectIndexUid(uid: string, where = '', code = 'invalid_index_uid'): void {
  if (UID.test(uid)) return;
  const rule =
    'Index uid can be an integer or a string containing only alphanumeric characters, hyphens (-) and underscores (_), ' +
    'and can not be more than 512 bytes.';
  throw badRequest(code, `${where}\`${uid}\` is not a valid index uid. ${rule}`);
}

const listOf = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

/** Tells whether two names differ by only one letter. */
function isNear(name: string, other: string): boolean {
  const [longer, shorter] = name.length > other.length ? [name, other] : [other, name];
  return (
    longer.length - shorter.length === 1 &&
    longer.length > 3 &&
    Array.from(longer).some((_, at) => longer.slice(0, at) + longer.slice(at + 1) === shorter)
  );
}
