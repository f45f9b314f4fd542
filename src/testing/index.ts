export { createAnalysis } from '../search/analysis/analysis.ts';
export { type IndexUnderTest, type SearchIndexContractOptions, searchIndexContract } from './search-index-contract.ts';
