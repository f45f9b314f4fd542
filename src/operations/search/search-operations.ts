import type { OperationsIn } from '../define-operation.ts';
import { reindexFulltext } from './reindex-fulltext.ts';

/** These operations by name. Their types come from their own files, so that editors show each operation's doc comment. */
export type SearchOperations = OperationsIn<typeof import('./reindex-fulltext.ts')>;

export const SEARCH_OPERATIONS: SearchOperations = {
  reindexFulltext,
};
