import { type Db, rowsOf } from '../database.ts';

/** The search index that the homeserver uses: the one that was rebuilt most recently. */
export interface UsedSearchIndex {
  readonly engine: string;
  /** Codes of the index's languages. `undefined` if an older version of the plugin wrote the index. */
  readonly languages: readonly string[] | undefined;
}

/**
 * Finds the search index that was rebuilt most recently. The index is in this database, or in a search engine that gets its
 * changes from this database. Returns `undefined` if the homeserver has never had an index.
 */
export async function findUsedSearchIndex(db: Db): Promise<UsedSearchIndex | undefined> {
  const [known] = await rowsOf<{ there: boolean }>(
    db.raw(`SELECT to_regclass('matrix_admin.search_indexes') IS NOT NULL AS there`),
  );
  if (known?.there !== true) return undefined;
  const [row] = await rowsOf<{ engine: string; analysis: string | null }>(
    db.raw(
      `SELECT engine, to_jsonb(i) ->> 'analysis' AS analysis
       FROM matrix_admin.search_indexes i ORDER BY last_rebuild_at DESC NULLS LAST LIMIT 1`,
    ),
  );
  if (row === undefined) return undefined;
  const [, codes] = /^\d+:([a-z,]*)$/.exec(row.analysis ?? '') ?? [];
  return { engine: row.engine, languages: codes?.split(',').filter((code) => code !== '') };
}
