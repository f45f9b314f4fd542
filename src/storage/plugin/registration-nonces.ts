import { type Db, rowsOf } from '../database.ts';

/**
 * Stores a nonce for a limited time, and deletes expired nonces.
 * @returns whether the nonce was stored. The function does not store it if there are already `capacity` nonces.
 */
export async function insertNonce(
  db: Db,
  nonce: string,
  { lifetimeMs, capacity }: { readonly lifetimeMs: number; readonly capacity: number },
): Promise<boolean> {
  await db.raw('DELETE FROM matrix_admin.registration_nonces WHERE expires_at < clock_timestamp()');
  const rows = await rowsOf<{ nonce: string }>(
    db.raw(
      `INSERT INTO matrix_admin.registration_nonces (nonce, expires_at)
       SELECT ?, clock_timestamp() + ? * interval '1 ms'
       WHERE (SELECT count(*) FROM matrix_admin.registration_nonces) < ? RETURNING nonce`,
      [nonce, lifetimeMs, capacity],
    ),
  );
  return rows.length > 0;
}

/** Uses up a nonce. @returns whether the nonce was valid. If several calls use the same nonce, only one of them gets `true`. */
export async function takeNonce(db: Db, nonce: string): Promise<boolean> {
  const rows = await rowsOf<{ good: boolean }>(
    db.raw(
      `DELETE FROM matrix_admin.registration_nonces WHERE nonce = ?
       RETURNING expires_at > clock_timestamp() AS good`,
      [nonce],
    ),
  );
  return rows[0]?.good ?? false;
}
