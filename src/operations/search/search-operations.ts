import type { OperationsIn } from '../define-operation.ts';
import { getSearchIndex } from './get-search-index.ts';
import { reindexFulltext } from './reindex-fulltext.ts';

/** These operations by name. Their types come from their own files, so that editors show each operation's doc comment. */
export type SearchOperations = OperationsIn<typeof import('./reindex-fulltext.ts')> &
  OperationsIn<typeof import('./get-search-index.ts')>;

export const SEARCH_OPERATIONS: SearchOperations = {
  reindexFulltext,
  getSearchIndex,
};
