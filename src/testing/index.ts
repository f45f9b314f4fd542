export {
  type Fault,
  type MeilisearchDouble,
  type MeilisearchDoubleOptions,
  startMeilisearchDouble,
} from './meilisearch-double.ts';
export { type IndexUnderTest, type SearchIndexContractOptions, searchIndexContract } from './search-index-contract.ts';
