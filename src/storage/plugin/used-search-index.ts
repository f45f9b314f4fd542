import { type Db, rowsOf } from '../database.ts';

/** The search index that the homeserver uses, which is the one that was rebuilt most recently. */
export interface UsedSearchIndex {
  /** The name of the search engine that has the index. */
  readonly engine: string;
  /**
   * Codes of the languages of the index. `undefined` if they are not stored, for example because an older version wrote the
   * index.
   */
  readonly languages: readonly string[] | undefined;
}

/**
 * Finds the search index that was rebuilt most recently. If none was rebuilt, finds any index. The index itself may be in this
 * database or in another search engine. In both cases, this database has a row about the index. Returns `undefined` if there is
 * no such row, or no table of these rows.
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
