import type { Settings } from 'meilisearch';

/**
 * Settings of the index and its shadows. The adapter filters by `lexemes`, because queries of the engine have no OR. The
 * engine neither cuts nor folds the values of `lexemes`. The adapter never sends a search word. The settings therefore switch
 * off proximity, prefixes and typos, and declare one short attribute as searchable.
 */
const SETTINGS = {
  searchableAttributes: ['key'],
  displayedAttributes: ['event_id', 'room_id', 'sender', 'stream', 'key', 'body'],
  filterableAttributes: [
    {
      attributePatterns: ['room_key', 'key', 'lexemes'],
      features: { facetSearch: false, filter: { equality: true, comparison: false } },
    },
    {
      attributePatterns: ['stream'],
      features: { facetSearch: false, filter: { equality: true, comparison: true } },
    },
  ],
  sortableAttributes: ['stream'],
  // `sort` is the first rule, so that no other rule changes the order of hits.
  rankingRules: ['sort', 'words', 'typo', 'proximity', 'attribute', 'exactness'],
  proximityPrecision: 'byAttribute',
  facetSearch: false,
  prefixSearch: 'disabled',
  typoTolerance: { enabled: false },
  // `maxTotalHits` limits the hits that paging can reach, whatever the page size.
  pagination: { maxTotalHits: 1_000_000 },
  // A search that reaches `searchCutoffMs` returns hits out of order, so the limit is high.
  searchCutoffMs: 20_000,
} as const satisfies DeepReadonly<Settings>;

type DeepReadonly<T> = { readonly [Key in keyof T]: DeepReadonly<T[Key]> };

/** The settings that an index lacks. Only these are written, because unchanged settings cost as much as changed ones. */
export function missingSettings(current: Settings): Settings {
  const missing = Object.entries(SETTINGS).filter(([name, wanted]) => !covers(valueAt(current, name), wanted));
  return structuredClone(Object.fromEntries(missing));
}

/** Whether `current` includes `wanted`. Lists must be equal; objects may have more members. */
function covers(current: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return current === wanted;
  if (Array.isArray(wanted) && !(Array.isArray(current) && current.length === wanted.length)) return false;
  return Object.entries(wanted).every(([name, value]) => covers(valueAt(current, name), value));
}

function valueAt(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined;
}
