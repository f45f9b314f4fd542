import { type Db, rowsOf } from '../database.ts';

/** The search index that the homeserver has used last. */
export interface UsedSearchIndex {
  readonly engine: string;
  /** Language codes of the index. `undefined`: an older version of the plugin wrote the index. */
  readonly languages: readonly string[] | undefined;
}

/** The search index that a homeserver keeps in this database or feeds from it. `undefined`: none has ever been made. */
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
