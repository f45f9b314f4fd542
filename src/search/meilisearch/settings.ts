import type { Settings } from 'meilisearch';

/**
 * Settings of the index and of the temporary indexes that a reindex fills. The adapter sends no search words to Meilisearch,
 * because Meilisearch's queries have no OR. Instead, the adapter filters by the attribute `lexemes`, whose values Meilisearch
 * neither splits into words nor changes. Because the adapter sends no search words, the settings switch off proximity, prefixes
 * and typos, and make only one short attribute searchable.
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
  // `maxTotalHits` limits how many hits all pages together can return.
  pagination: { maxTotalHits: 1_000_000 },
  // A search that exceeds `searchCutoffMs` returns hits out of order, so this limit is high.
  searchCutoffMs: 20_000,
} as const satisfies DeepReadonly<Settings>;

type DeepReadonly<T> = { readonly [Key in keyof T]: DeepReadonly<T[Key]> };

/**
 * Returns the settings that an index lacks, or has with another value. The adapter writes only these settings, because writing
 * an unchanged setting costs as much as changing it.
 */
export function missingSettings(current: Settings): Settings {
  const missing = Object.entries(SETTINGS).filter(([name, wanted]) => !covers(valueAt(current, name), wanted));
  return structuredClone(Object.fromEntries(missing));
}

/** Tells whether `current` includes `wanted`. Lists must be equal. Objects may have more members. */
function covers(current: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return current === wanted;
  if (Array.isArray(wanted) && !(Array.isArray(current) && current.length === wanted.length)) return false;
  return Object.entries(wanted).every(([name, value]) => covers(valueAt(current, name), value));
}

function valueAt(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined;
}
