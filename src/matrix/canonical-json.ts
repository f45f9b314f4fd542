import { MatrixError } from '../errors.ts';

/** Maximum depth of nesting. The plugin refuses deeper JSON, because recursive code could overflow the stack. */
const MAX_DEPTH = 512;

const bad = (message: string): MatrixError => new MatrixError('M_BAD_JSON', message);

/**
 * Returns a rank by which UTF-16 code units sort in code point order. Surrogates encode the highest code points, so they come
 * last.
 */
const rankOf = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);

/**
 * Compares texts by code point, which is also the order of their UTF-8 bytes. JavaScript's `<` compares by UTF-16 code unit
 * instead.
 */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = rankOf(a.charCodeAt(i)) - rankOf(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function encodeString(text: string): string {
  if (!text.isWellFormed()) throw bad('strings must be well-formed Unicode');
  return JSON.stringify(text);
}

function encodeNumber(value: number): string {
  if (!Number.isSafeInteger(value)) throw bad('numbers must be integers between -(2^53-1) and 2^53-1');
  return String(value);
}

function encode(value: unknown, depth: number): string {
  if (typeof value === 'string') return encodeString(value);
  if (typeof value === 'number') return encodeNumber(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object') throw bad(`${typeof value} is not JSON`);
  if (depth === MAX_DEPTH) throw bad(`nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return `[${value.map((item) => encode(item, depth + 1)).join(',')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => compareCodePoints(a, b));
  return `{${entries.map(([key, item]) => `${encodeString(key)}:${encode(item, depth + 1)}`).join(',')}}`;
}

/**
 * Returns the canonical text of a JSON value. This text has no white space outside of strings, and its keys are in code point
 * order. Servers compute hashes and signatures from it. Source: Matrix specification, Appendices, "Canonical JSON".
 * @throws MatrixError `M_BAD_JSON` for fractions, integers beyond ±(2^53-1), ill-formed strings, values that are not JSON, and
 * nesting of more than 512 levels
 */
export function canonicalJson(value: unknown): string {
  return encode(value, 0);
}
