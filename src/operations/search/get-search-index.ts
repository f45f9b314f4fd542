import { searchIsOff } from '../../search/search.ts';
import type { SearchStatus } from '../../search/search-parts.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/**
 * Shows the state of the search index: its size, the changes that wait for it, and its last reindex.
 * @throws MatrixError `M_BAD_STATE` if search is switched off
 */
export const getSearchIndex = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({}),
  run: async ({ readSearchStatus }): Promise<SearchStatus> =>
    readSearchStatus === undefined ? searchIsOff() : readSearchStatus(),
});
