import { type Filter, type Operator, parseFilter } from './filter-parser.ts';
import { badRequest } from './problem.ts';
import { filterablePatterns, filterFeatures, type Settings } from './settings.ts';
import type { JsonObject } from './values.ts';

/**
 * Maximum length of a value. Longer values of documents are cut. Longer values in filters are not cut, so they match nothing.
 */
const MAX_VALUE_BYTES = 468;

/**
 * Reads the filter of a request. It is a text or an array. The parts of an array are joined by AND, and the parts of arrays
 * inside it by OR.
 */
export function readFilter(filter: unknown, code: string): Filter | undefined {
  if (filter === undefined || filter === null) return undefined;
  if (typeof filter === 'string') return parseFilter(filter, code);
  if (!Array.isArray(filter)) throw badFilter('String, Array', filter, code);
  const parts = filter.map((part: unknown) => {
    if (typeof part === 'string') return parseFilter(part, code);
    if (!Array.isArray(part)) throw badFilter('String, [String]', part, code);
    const options = part.map((option: unknown) => {
      if (typeof option !== 'string') throw badFilter('String', option, code);
      return parseFilter(option, code);
    });
    return combine('or', options);
  });
  return combine('and', parts);
}

function combine(kind: 'and' | 'or', parts: readonly (Filter | undefined)[]): Filter | undefined {
  const some = parts.filter((part) => part !== undefined);
  return some.length === 0 ? undefined : { kind, parts: some };
}

const badFilter = (expected: string, found: unknown, code: string): Error =>
  badRequest(
    code,
    `Invalid syntax for the filter parameter: \`expected ${expected}, found: ${JSON.stringify(found)}\`.`,
  );

/** Checks a filter. @throws ProblemError if an attribute cannot be filtered in this way */
export function checkFilter(filter: Filter, settings: Settings, indexUid: string, code: string): void {
  switch (filter.kind) {
    case 'and':
    case 'or':
      for (const part of filter.parts) checkFilter(part, settings, indexUid, code);
      return;
    case 'not':
      checkFilter(filter.part, settings, indexUid, code);
      return;
    default:
      checkAttribute(filter, settings, indexUid, code);
  }
}

type Condition = Exclude<Filter, { kind: 'and' | 'or' | 'not' }>;

function checkAttribute(condition: Condition, settings: Settings, indexUid: string, code: string): void {
  const { attribute } = condition;
  const features = filterFeatures(settings, attribute);
  if (features === undefined) {
    const patterns = filterablePatterns(settings).map((pattern) => `\`${pattern}\``);
    const available =
      patterns.length === 0
        ? 'This index does not have configured filterable attributes.'
        : `Available filterable attribute patterns are: ${patterns.join(', ')}.`;
    throw badRequest(code, `Index \`${indexUid}\`: Attribute \`${attribute}\` is not filterable. ${available}`);
  }
  const operator = condition.kind === 'compare' ? condition.operator : condition.kind === 'between' ? 'TO' : '=';
  if (!features.comparison && !['=', '!='].includes(operator)) {
    const problem = `Filter operator \`${operator}\` is not allowed for the attribute \`${attribute}\`.`;
    throw badRequest('invalid_search_filter', `Index \`${indexUid}\`: ${problem}`);
  }
}

/**
 * Tells whether a document passes a filter. As in the engine, strings are trimmed, and case and compatibility forms are folded.
 */
export function passes(filter: Filter | undefined, document: JsonObject): boolean {
  if (filter === undefined) return true;
  switch (filter.kind) {
    case 'and':
      return filter.parts.every((part) => passes(part, document));
    case 'or':
      return filter.parts.some((part) => passes(part, document));
    case 'not':
      return !passes(filter.part, document);
    default:
      return passesCondition(filter, document);
  }
}

function passesCondition(condition: Condition, document: JsonObject): boolean {
  const raw = document[condition.attribute];
  const values: unknown[] = Array.isArray(raw) ? raw : [raw];
  switch (condition.kind) {
    case 'exists':
      return raw !== undefined;
    case 'null':
      return raw === null;
    case 'empty':
      return raw === '' || (Array.isArray(raw) && raw.length === 0);
    case 'in':
      return isIn(condition.values, values);
    case 'starts':
      return values.some(
        (value) => typeof value === 'string' && keptValue(value).startsWith(foldValue(condition.prefix)),
      );
    case 'between':
      return values.some((value) => compare(value, '>=', condition.from) && compare(value, '<=', condition.to));
    case 'compare':
      return condition.operator === '!='
        ? !values.some((value) => compare(value, '=', condition.value))
        : values.some((value) => compare(value, condition.operator, condition.value));
  }
}

function isIn(wanted: readonly string[], values: readonly unknown[]): boolean {
  const folded = new Set(wanted.map(foldValue));
  const numbers = new Set(wanted.map(numberOf));
  return values.some((value) =>
    typeof value === 'number'
      ? numbers.has(value)
      : typeof value === 'string' && value !== '' && folded.has(keptValue(value)),
  );
}

function compare(value: unknown, operator: Operator, wanted: string): boolean {
  if (typeof value === 'string') return operator === '=' && value !== '' && keptValue(value) === foldValue(wanted);
  if (typeof value !== 'number') return false;
  const number = numberOf(wanted);
  if (number === undefined) return false;
  switch (operator) {
    case '=':
      return value === number;
    case '!=':
      return value !== number;
    case '>':
      return value > number;
    case '>=':
      return value >= number;
    case '<':
      return value < number;
    case '<=':
      return value <= number;
  }
}

function numberOf(text: string): number | undefined {
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

const foldValue = (value: string): string => value.trim().normalize('NFKD').toLowerCase();

/** Returns a document's value in the form in which the engine stores it. */
function keptValue(value: string): string {
  const folded = foldValue(value);
  return Buffer.byteLength(folded) <= MAX_VALUE_BYTES
    ? folded
    : Buffer.from(folded).subarray(0, MAX_VALUE_BYTES).toString('utf8');
}
