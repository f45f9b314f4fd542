/** The size of the adapter's indexes, which the host chooses. `replicas` is the number of further copies of each shard. */
export interface IndexSize {
  readonly shards: number;
  readonly replicas: number;
}

/**
 * Makes the index template for all indexes whose names start with the alias and `-`. The analyser does not analyse texts. It
 * only reads the lexemes that `lexemesFieldOf()` has written: spaces separate the positions of a text, `|` separates the
 * lexemes of one position, and `_` is a position without lexemes.
 */
export const templateOf = (alias: string, { shards, replicas }: IndexSize) => ({
  index_patterns: [`${alias}-*`],
  template: {
    settings: {
      number_of_shards: shards,
      number_of_replicas: replicas,
      refresh_interval: REFRESH_INTERVAL,
      // Each shard keeps its documents sorted from the newest to the oldest. A search for the newest hits reads only the first
      // documents that match.
      'sort.field': ['stream', 'tie'],
      'sort.order': ['desc', 'desc'],
      // For this time after a removal, OpenSearch remembers the version of the removed document, and ignores writes of the
      // document with a lower version.
      gc_deletes: '1h',
      analysis: {
        tokenizer: { positions: { type: 'whitespace', max_token_length: 1_048_576 } },
        filter: {
          gaps: { type: 'stop', stopwords: ['_'] },
          lexemes: { type: 'pattern_capture', preserve_original: false, patterns: ['([^|]+)'] },
        },
        analyzer: { lexemes: { type: 'custom', tokenizer: 'positions', filter: ['gaps', 'lexemes'] } },
      },
    },
    mappings: {
      // Fields that are not in `properties` are stored, but not indexed.
      dynamic: false,
      _source: { excludes: ['lexemes', 'tie'] },
      properties: {
        lexemes: { type: 'text', analyzer: 'lexemes', norms: false, similarity: 'boolean' },
        room: { type: 'keyword', doc_values: false },
        key: { type: 'keyword', doc_values: false },
        stream: { type: 'long' },
        tie: { type: 'long', index: false },
      },
    },
  },
});

/**
 * How often OpenSearch makes changes visible to searches on its own. The adapter also asks for this itself after each change,
 * except while a reindex loads events.
 */
export const REFRESH_INTERVAL = '1s';
