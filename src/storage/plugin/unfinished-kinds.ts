import { type Db, rowsOf } from '../database.ts';

/** Lists the kinds of the jobs that have not ended. The list is empty if the database does not have the plugin's tables. */
export async function listUnfinishedKinds(db: Db): Promise<string[]> {
  const [known] = await rowsOf<{ there: boolean }>(
    db.raw(`SELECT to_regclass('matrix_admin.jobs') IS NOT NULL AS there`),
  );
  if (known?.there !== true) return [];
  const rows = await rowsOf<{ kind: string }>(
    db.raw(`SELECT DISTINCT kind FROM matrix_admin.jobs WHERE state IN ('queued', 'running') ORDER BY kind`),
  );
  return rows.map(({ kind }) => kind);
}
