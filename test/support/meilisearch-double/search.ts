import { randomUUID } from 'node:crypto';
import { checkFilter, passes, readFilter } from './filter.ts';
import type { Filter } from './filter-parser.ts';
import { createAttributeReader, createMatcher, type Match } from './match.ts';
import { badRequest } from './problem.ts';
import type { Settings } from './settings.ts';
import type { DoubleIndex } from './state.ts';
import { parseQuery } from './text.ts';
import { expectFields, expectKind, expectOneOf, isObject, type JsonObject } from './values.ts';

/** Parameters of a search that the engine knows. */
const FIELDS = (
  'q offset limit page hitsPerPage attributesToRetrieve attributesToCrop cropLength cropMarker attributesToHighlight ' +
  'highlightPreTag highlightPostTag showMatchesPosition filter sort distinct facets matchingStrategy attributesToSearchOn ' +
  'rankingScoreThreshold locales hybrid vector retrieveVectors media personalize useNetwork showRankingScore ' +
  'showRankingScoreDetails showPerformanceDetails'
).split(' ');
/** Parameters of a search that this double supports. It refuses the others instead of ignoring them. */
const SUPPORTED: ReadonlySet<string> = new Set(
  'q offset limit page hitsPerPage attributesToRetrieve filter sort matchingStrategy locales showRankingScore'.split(
    ' ',
  ),
);
const STRATEGIES = ['last', 'all', 'frequency'] as const;
const KINDS: Readonly<Record<string, string>> = {
  offset: 'a positive integer',
  limit: 'a positive integer',
  page: 'a positive integer',
  hitsPerPage: 'a positive integer',
  attributesToRetrieve: 'an array',
  sort: 'an array',
  locales: 'an array',
  showRankingScore: 'a boolean',
};
/** Parameters that may be null. Null then means that the parameter is absent. */
const NULLABLE: ReadonlySet<string> = new Set(['q', 'filter', 'sort', 'page', 'hitsPerPage', 'locales']);

interface Found extends Match {
  readonly document: JsonObject;
  readonly order: number;
}

/** Answers `POST /indexes/{uid}/search`. */
export type Search = (indexUid: string, index: DoubleIndex, body: unknown) => JsonObject;

export function createSearch(): Search {
  const readAttributes = createAttributeReader();

  return (indexUid, index, body) => {
    const search = checkSearch(body);
    const { settings } = index;
    const filter = readFilter(search['filter'], 'invalid_search_filter');
    if (filter !== undefined) checkFilter(filter, settings, indexUid, 'invalid_search_filter');
    const sort = readSort(search['sort'], settings, indexUid);

    const query = typeof search['q'] === 'string' ? search['q'] : '';
    const strategy = STRATEGIES.find((one) => one === search['matchingStrategy']) ?? 'last';
    const terms = parseQuery(query);
    const options = {
      strategy,
      // A space at the end of the query means that the last word is complete.
      isPrefixed: settings.prefixSearch === 'indexingTime' && !/\s$/.test(query),
      isInOrder: settings.proximityPrecision === 'byWord',
    };
    const matcher = createMatcher(terms, options, (document) => readAttributes(document, settings));
    const found = rank(findAll(index, filter, matcher.match), sort, settings.rankingRules);
    const show = (hit: Found): JsonObject => ({
      ...retrieve(hit.document, settings, search['attributesToRetrieve']),
      ...(search['showRankingScore'] === true ? { _rankingScore: scoreOf(hit, terms.length) } : {}),
    });
    return { ...paginate(found, search, settings, show, query), requestUid: randomUUID() };
  };
}

function checkSearch(body: unknown): JsonObject {
  expectKind(body, 'an object', '', 'bad_request');
  if (!isObject(body)) return {};
  expectFields(body, FIELDS, '');
  for (const [name, value] of Object.entries(body)) {
    const code = `invalid_search_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    if (value === null && NULLABLE.has(name)) continue;
    if (!SUPPORTED.has(name)) throw badRequest('not_done_by_the_double', `The double does nothing for \`${name}\`.`);
    if (name === 'q') expectKind(value, 'a string', '.q', code);
    else if (name === 'matchingStrategy') expectOneOf(value, STRATEGIES, '.matchingStrategy', code);
    else if (KINDS[name] !== undefined) expectKind(value, KINDS[name], `.${name}`, code);
  }
  return body;
}

interface Sort {
  readonly attribute: string;
  readonly sign: 1 | -1;
}

function readSort(sort: unknown, { sortableAttributes, rankingRules }: Settings, indexUid: string): Sort[] {
  const code = 'invalid_search_sort';
  const rules = (Array.isArray(sort) ? sort : []).map((rule: unknown) => {
    const [, attribute, direction] = /^(.+):(asc|desc)$/u.exec(String(rule)) ?? [];
    if (attribute === undefined) {
      const expected = 'expected expression ending by `:asc` or `:desc`';
      throw badRequest(code, `Invalid syntax for the sort parameter: ${expected}, found \`${String(rule)}\`.`);
    }
    return { attribute, sign: direction === 'asc' ? (1 as const) : (-1 as const) };
  });
  if (rules.length > 0 && !rankingRules.includes('sort')) {
    const remedy =
      'You must specify where `sort` is listed in the rankingRules setting to use the sort parameter at search time.';
    throw badRequest(code, `Index \`${indexUid}\`: ${remedy}`);
  }
  const unknown = rules.find(({ attribute }) => !sortableAttributes.includes(attribute));
  if (unknown !== undefined) {
    const available = sortableAttributes.map((name) => `\`${name}\``).join(', ');
    const problem = `Attribute \`${unknown.attribute}\` is not sortable.`;
    throw badRequest(code, `Index \`${indexUid}\`: ${problem} Available sortable attributes are: ${available}.`);
  }
  return rules;
}

function findAll(
  index: DoubleIndex,
  filter: Filter | undefined,
  match: (document: JsonObject) => Match | undefined,
): Found[] {
  const found: Found[] = [];
  let order = 0;
  for (const document of index.documents.values()) {
    order += 1;
    const matched = passes(filter, document) ? match(document) : undefined;
    if (matched !== undefined) found.push({ ...matched, document, order });
  }
  return found;
}

function rank(found: Found[], sort: readonly Sort[], rules: readonly string[]): Found[] {
  const comparisons: Readonly<Partial<Record<string, (a: Found, b: Found) => number>>> = {
    sort: (a, b) => compareBy(sort, a.document, b.document),
    words: (a, b) => b.matched - a.matched,
    attribute: (a, b) => a.position - b.position,
    wordPosition: (a, b) => a.position - b.position,
  };
  const inOrder = [...rules.map((rule) => comparisons[rule]), (a: Found, b: Found) => a.order - b.order];
  return found.sort((a, b) => {
    for (const compare of inOrder) {
      const difference = compare?.(a, b) ?? 0;
      if (difference !== 0) return difference;
    }
    return 0;
  });
}

function compareBy(sort: readonly Sort[], a: JsonObject, b: JsonObject): number {
  for (const { attribute, sign } of sort) {
    const [one, other] = [a[attribute], b[attribute]];
    if (typeof one === 'number' && typeof other === 'number' && one !== other) return sign * (one - other);
    if (typeof one === 'string' && typeof other === 'string' && one !== other) return sign * (one < other ? -1 : 1);
  }
  return 0;
}

const scoreOf = ({ matched, position }: Found, terms: number): number =>
  (terms === 0 ? 1 : matched / terms) * (1 - position / 2 ** 17);

function retrieve(document: JsonObject, { displayedAttributes }: Settings, wanted: unknown): JsonObject {
  const names = Array.isArray(wanted) ? wanted : ['*'];
  return Object.fromEntries(
    Object.entries(document).filter(
      ([name]) =>
        (displayedAttributes.includes('*') || displayedAttributes.includes(name)) &&
        (names.includes('*') || names.includes(name)),
    ),
  );
}

/** Selects the hits of a page, and applies `maxTotalHits`. This setting limits the hits, but not their number in the answer. */
function paginate(
  found: readonly Found[],
  search: JsonObject,
  { pagination }: Settings,
  show: (hit: Found) => JsonObject,
  query: string,
): JsonObject {
  const cap = pagination.maxTotalHits;
  const number = (name: string, otherwise: number): number => {
    const value = search[name];
    return typeof value === 'number' ? value : otherwise;
  };
  const common = { query, processingTimeMs: 0 };
  if (typeof search['hitsPerPage'] === 'number' || typeof search['page'] === 'number') {
    const [hitsPerPage, page] = [number('hitsPerPage', 20), number('page', 1)];
    const start = (page - 1) * hitsPerPage;
    const hits = page === 0 ? [] : found.slice(Math.min(start, cap), Math.min(start + hitsPerPage, cap)).map(show);
    const totalPages = hitsPerPage === 0 ? 0 : Math.ceil(found.length / hitsPerPage);
    return { hits, ...common, hitsPerPage, page, totalPages, totalHits: found.length };
  }
  const [limit, offset] = [number('limit', 20), number('offset', 0)];
  const hits = found.slice(Math.min(offset, cap), Math.min(offset + limit, cap)).map(show);
  return { hits, ...common, limit, offset, estimatedTotalHits: found.length };
}
