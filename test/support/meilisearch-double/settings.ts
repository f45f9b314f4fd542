import { badRequest } from './problem.ts';
import { expectFields, expectKind, expectOneOf, isObject, type JsonObject } from './values.ts';

export interface FilterFeatures {
  readonly equality: boolean;
  readonly comparison: boolean;
}

interface FilterRule {
  readonly attributePatterns: readonly string[];
  readonly features: { readonly facetSearch: boolean; readonly filter: FilterFeatures };
}

export interface Settings {
  readonly displayedAttributes: readonly string[];
  readonly searchableAttributes: readonly string[];
  readonly filterableAttributes: readonly (string | FilterRule)[];
  readonly sortableAttributes: readonly string[];
  readonly rankingRules: readonly string[];
  readonly proximityPrecision: 'byWord' | 'byAttribute';
  readonly pagination: { readonly maxTotalHits: number };
  readonly prefixSearch: 'indexingTime' | 'disabled';
  /** Further settings. The double accepts and shows them, but they have no effect. */
  readonly [other: string]: unknown;
}

export const DEFAULT_SETTINGS: Settings = {
  displayedAttributes: ['*'],
  searchableAttributes: ['*'],
  filterableAttributes: [],
  sortableAttributes: [],
  rankingRules: ['words', 'typo', 'proximity', 'attributeRank', 'sort', 'wordPosition', 'exactness'],
  stopWords: [],
  nonSeparatorTokens: [],
  separatorTokens: [],
  dictionary: [],
  synonyms: {},
  distinctAttribute: null,
  proximityPrecision: 'byWord',
  typoTolerance: {
    enabled: true,
    minWordSizeForTypos: { oneTypo: 5, twoTypos: 9 },
    disableOnWords: [],
    disableOnAttributes: [],
    disableOnNumbers: false,
  },
  faceting: { maxValuesPerFacet: 100, sortFacetValuesBy: { '*': 'alpha' } },
  pagination: { maxTotalHits: 1000 },
  embedders: {},
  searchCutoffMs: null,
  localizedAttributes: null,
  facetSearch: true,
  prefixSearch: 'indexingTime',
};

/** The names of all settings, in the engine's order. */
export const SETTING_NAMES = [
  'displayedAttributes',
  'searchableAttributes',
  'filterableAttributes',
  'sortableAttributes',
  'foreignKeys',
  'rankingRules',
  'stopWords',
  'nonSeparatorTokens',
  'separatorTokens',
  'dictionary',
  'synonyms',
  'distinctAttribute',
  'proximityPrecision',
  'typoTolerance',
  'faceting',
  'pagination',
  'embedders',
  'searchCutoffMs',
  'localizedAttributes',
  'facetSearch',
  'prefixSearch',
  'chat',
] as const;

type Check = (value: unknown, path: string, code: string) => void;

const kind =
  (name: string): Check =>
  (value, path, code) =>
    expectKind(value, name, path, code);
const oneOf =
  (...names: string[]): Check =>
  (value, path, code) =>
    expectOneOf(value, names, path, code);
const listOf =
  (item: Check): Check =>
  (value, path, code) => {
    expectKind(value, 'an array', path, code);
    if (Array.isArray(value)) for (const [index, one] of value.entries()) item(one, `${path}[${index}]`, code);
  };

const CHECKS: Readonly<Partial<Record<string, Check>>> = {
  displayedAttributes: listOf(kind('a string')),
  searchableAttributes: listOf(kind('a string')),
  sortableAttributes: listOf(kind('a string')),
  stopWords: listOf(kind('a string')),
  filterableAttributes: listOf(checkFilterable),
  rankingRules: checkRankingRules,
  proximityPrecision: oneOf('byWord', 'byAttribute'),
  prefixSearch: oneOf('indexingTime', 'disabled'),
  facetSearch: kind('a boolean'),
  searchCutoffMs: kind('a positive integer'),
  pagination: kind('an object'),
  typoTolerance: kind('an object'),
  localizedAttributes: listOf(kind('an object')),
};

/** Checks the body of `PATCH …/settings`. The value null resets a setting. */
export function checkSettings(body: unknown): JsonObject {
  expectKind(body, 'an object', '', 'bad_request');
  if (!isObject(body)) return {};
  expectFields(body, SETTING_NAMES, '');
  for (const [name, value] of Object.entries(body)) {
    if (value !== null) CHECKS[name]?.(value, `.${name}`, codeOf(name));
  }
  return body;
}

/** Applies a change to settings. Objects are merged, and all other values are replaced. */
export function mergeSettings(current: Settings, change: JsonObject): Settings {
  const merged: Record<string, unknown> = { ...current };
  for (const [name, value] of Object.entries(change)) {
    const old = merged[name];
    if (value === null) merged[name] = DEFAULT_SETTINGS[name];
    else merged[name] = isObject(value) && isObject(old) ? { ...old, ...value } : value;
  }
  return merged as unknown as Settings;
}

/** Returns how an attribute can be filtered, or `undefined` if it cannot be filtered. */
export function filterFeatures({ filterableAttributes }: Settings, attribute: string): FilterFeatures | undefined {
  for (const rule of filterableAttributes) {
    if (typeof rule === 'string') {
      if (matches(rule, attribute)) return { equality: true, comparison: true };
    } else if (rule.attributePatterns.some((pattern) => matches(pattern, attribute))) return rule.features.filter;
  }
  return undefined;
}

/** Returns the names and patterns of filterable attributes, as error messages list them. */
export function filterablePatterns({ filterableAttributes }: Settings): string[] {
  return filterableAttributes.flatMap((rule) => (typeof rule === 'string' ? [rule] : rule.attributePatterns)).sort();
}

const matches = (pattern: string, attribute: string): boolean =>
  pattern.endsWith('*') ? attribute.startsWith(pattern.slice(0, -1)) : pattern === attribute;

const codeOf = (name: string): string =>
  `invalid_settings_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;

function checkFilterable(value: unknown, path: string, code: string): void {
  if (typeof value === 'string') return;
  expectKind(value, 'an object', path, code);
  if (isObject(value)) expectFields(value, ['attributePatterns', 'features'], path, code);
}

const RULES = ['words', 'typo', 'sort', 'proximity', 'attribute', 'attributeRank', 'wordPosition', 'exactness'];

function checkRankingRules(value: unknown, path: string, code: string): void {
  listOf(kind('a string'))(value, path, code);
  const rules = Array.isArray(value) ? value.map(String) : [];
  for (const [index, rule] of rules.entries()) {
    if (RULES.includes(rule) || /:(asc|desc)$/.test(rule)) continue;
    const valid =
      'Valid ranking rules are words, typo, sort, proximity, attribute, exactness and custom ranking rules.';
    throw badRequest(code, `Invalid value at \`${path}[${index}]\`: \`${rule}\` ranking rule is invalid. ${valid}`);
  }
  if (rules.includes('attribute') && (rules.includes('attributeRank') || rules.includes('wordPosition'))) {
    const remedy =
      'You must either use the attribute ranking rule alone or the attributeRank and wordPosition ranking rules.';
    throw badRequest(code, `Mixed usage of the attribute, attributeRank, and wordPosition ranking rules. ${remedy}`);
  }
}
