import type { OperationsIn } from '../define-operation.ts';
import { reindexFulltext } from './reindex-fulltext.ts';

/** The types come from the operations' own files, so that an editor shows the doc comments of each operation. */
export type SearchOperations = OperationsIn<typeof import('./reindex-fulltext.ts')>;

export const SEARCH_OPERATIONS: SearchOperations = {
  reindexFulltext,
};
