export { type Fault, type MeilisearchDouble, type MeilisearchDoubleOptions } from './meilisearch-double.ts';
export { startMeilisearchDouble } from './meilisearch-double.ts';
export { type IndexUnderTest, type SearchIndexContractOptions, searchIndexContract } from './search-index-contract.ts';
