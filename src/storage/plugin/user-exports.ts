import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/** Stores a part of an export of a user's data. @param part number of the part. @param lines lines of JSON */
export async function insertExportPart(
  transaction: Knex.Transaction,
  jobId: string,
  part: number,
  lines: string,
): Promise<void> {
  await transaction.raw('INSERT INTO matrix_admin.user_export_parts (job_id, part, lines) VALUES (?, ?, ?)', [
    jobId,
    part,
    lines,
  ]);
}

/** Returns the lines of one part of an export. Returns `undefined` if the export has no part with this number. */
export async function findExportPart(db: Db, jobId: string, part: number): Promise<string | undefined> {
  const [row] = await rowsOf<{ lines: string }>(
    db.raw('SELECT lines FROM matrix_admin.user_export_parts WHERE job_id = ? AND part = ?', [jobId, part]),
  );
  return row?.lines;
}

/** Deletes all parts of an export. */
export async function deleteExport(db: Db, jobId: string): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.user_export_parts WHERE job_id = ?', [jobId]);
}
