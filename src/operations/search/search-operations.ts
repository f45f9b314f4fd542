import type { OperationsIn } from '../define-operation.ts';
import { reindexFulltext } from './reindex-fulltext.ts';

/** Their types are those of the files, so that an editor shows the doc comments there. */
export type SearchOperations = OperationsIn<typeof import('./reindex-fulltext.ts')>;

export const SEARCH_OPERATIONS: SearchOperations = {
  reindexFulltext,
};
