import { reindexFulltext } from './reindex-fulltext.ts';

export const SEARCH_OPERATIONS = {
  reindexFulltext,
};
