import type { SearchAdapter } from '../search-index.ts';
import { createPostgresIndex } from './create-index.ts';
import { SEARCH_LIMITS } from './search.ts';

/**
 * The default search engine: tables in the homeserver's own PostgreSQL. The transaction that writes events also changes the
 * index. A reindex fills a second table, and then replaces the first table with it.
 */
export function postgresSearch(): SearchAdapter {
  return (context) => createPostgresIndex(context, SEARCH_LIMITS);
}
