import type { OperationsIn } from '../define-operation.ts';
import { getSearchIndex } from './get-search-index.ts';
import { reindexFulltext } from './reindex-fulltext.ts';

/**
 * The search operations, by name. The type is derived from the files that define the operations, so that editors show the doc
 * comment of each operation.
 */
export type SearchOperations = OperationsIn<typeof import('./reindex-fulltext.ts')> &
  OperationsIn<typeof import('./get-search-index.ts')>;

export const SEARCH_OPERATIONS: SearchOperations = {
  reindexFulltext,
  getSearchIndex,
};
