import { type Db, rowsOf } from '../database.ts';

/**
 * Stores a nonce of a registration by shared secret, and deletes expired nonces.
 * @param limits `lifetimeMs`: the time until the nonce expires. `capacity`: maximum number of stored nonces
 * @returns `false` if the nonce was not stored, because `capacity` nonces are already stored
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

/**
 * Deletes a nonce that a registration uses.
 * @returns whether the nonce was stored and had not expired. If several calls use the same nonce, only one of them gets `true`.
 */
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
