export { type IndexUnderTest, type SearchIndexContractOptions, searchIndexContract } from './search-index-contract.ts';
