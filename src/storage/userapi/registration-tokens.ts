import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/** A token with which people may register accounts. */
export interface RegistrationToken {
  readonly token: string;
  /** Maximum number of registrations with the token. `null` means that there is no limit. */
  readonly usesAllowed: number | null;
  /** Number of registrations that have begun with the token and have not ended. */
  readonly pending: number;
  /** Number of registrations that have succeeded with the token. */
  readonly completed: number;
  /** When the token expires, in ms since the epoch. `null` means never. */
  readonly expiryTime: number | null;
}

interface Row {
  readonly token: string | null;
  readonly uses_allowed: string | null;
  readonly pending: string | null;
  readonly completed: string | null;
  readonly expiry_time: string | null;
}

const COLUMNS = 'token, uses_allowed, pending, completed, expiry_time';
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)';
const IS_VALID = `(uses_allowed IS NULL OR uses_allowed > coalesce(pending, 0) + coalesce(completed, 0))
  AND (expiry_time IS NULL OR expiry_time > ${NOW})`;

const numberOrNull = (text: string | null): number | null => (text === null ? null : Number(text));

const tokenOf = (row: Row): RegistrationToken => ({
  token: row.token ?? '',
  usesAllowed: numberOrNull(row.uses_allowed),
  pending: Number(row.pending ?? 0),
  completed: Number(row.completed ?? 0),
  expiryTime: numberOrNull(row.expiry_time),
});

async function first(query: PromiseLike<{ rows: Row[] }>): Promise<RegistrationToken | undefined> {
  const [row] = await rowsOf<Row>(query);
  return row && tokenOf(row);
}

/**
 * Lists tokens in the order of their texts.
 * @param valid `true` lists only tokens that can be used now, `false` only the other tokens, `undefined` all tokens
 */
export async function readRegistrationTokens(db: Db, valid: boolean | undefined): Promise<RegistrationToken[]> {
  const rows = await rowsOf<Row>(
    db.raw(
      `SELECT ${COLUMNS} FROM public.userapi_registration_tokens
       WHERE CAST(:valid AS boolean) IS NULL OR (${IS_VALID}) = CAST(:valid AS boolean) ORDER BY token`,
      { valid: valid ?? null },
    ),
  );
  return rows.map(tokenOf);
}

/** Finds a token. Returns `undefined` if there is no such token. */
export function findRegistrationToken(db: Db, token: string): Promise<RegistrationToken | undefined> {
  return first(db.raw(`SELECT ${COLUMNS} FROM public.userapi_registration_tokens WHERE token = ?`, [token]));
}

/** Tells whether a token exists and can be used now. */
export async function isRegistrationTokenValid(db: Db, token: string): Promise<boolean> {
  const rows = await rowsOf<{ token: string }>(
    db.raw(`SELECT token FROM public.userapi_registration_tokens WHERE token = ? AND ${IS_VALID}`, [token]),
  );
  return rows.length > 0;
}

/** Adds a token. @returns the new token; `undefined` if a token with the same text already exists */
export function insertRegistrationToken(
  transaction: Knex.Transaction,
  { token, usesAllowed: uses, expiryTime: expiry }: Omit<RegistrationToken, 'pending' | 'completed'>,
): Promise<RegistrationToken | undefined> {
  return first(
    transaction.raw(
      `INSERT INTO public.userapi_registration_tokens (token, pending, completed, uses_allowed, expiry_time)
       VALUES (?, 0, 0, ?, ?) ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
      [token, uses, expiry],
    ),
  );
}

/**
 * Changes those fields of a token that are not `undefined`.
 * @returns the changed token; `undefined` if there is no such token
 */
export function changeRegistrationToken(
  transaction: Knex.Transaction,
  token: string,
  { usesAllowed: uses, expiryTime: expiry }: Partial<Pick<RegistrationToken, 'usesAllowed' | 'expiryTime'>>,
): Promise<RegistrationToken | undefined> {
  return first(
    transaction.raw(
      `UPDATE public.userapi_registration_tokens SET
         uses_allowed = CASE WHEN :setUses THEN CAST(:uses AS bigint) ELSE uses_allowed END,
         expiry_time = CASE WHEN :setExpiry THEN CAST(:expiry AS bigint) ELSE expiry_time END
       WHERE token = :token RETURNING ${COLUMNS}`,
      {
        token,
        setUses: uses !== undefined,
        uses: uses ?? null,
        setExpiry: expiry !== undefined,
        expiry: expiry ?? null,
      },
    ),
  );
}

/** Deletes a token. @returns whether the token existed */
export async function removeRegistrationToken(transaction: Knex.Transaction, token: string): Promise<boolean> {
  const rows = await rowsOf<{ token: string }>(
    transaction.raw('DELETE FROM public.userapi_registration_tokens WHERE token = ? RETURNING token', [token]),
  );
  return rows.length > 0;
}

/**
 * Adds one to the registrations in progress with a token, if the token can be used. Concurrent registrations never exceed the
 * limit of the token.
 * @returns whether the token can be used
 */
export async function reserveRegistrationToken(db: Db, token: string): Promise<boolean> {
  const rows = await rowsOf<{ token: string }>(
    db.raw(
      `UPDATE public.userapi_registration_tokens SET pending = coalesce(pending, 0) + 1
       WHERE token = ? AND ${IS_VALID} RETURNING token`,
      [token],
    ),
  );
  return rows.length > 0;
}

/** Records that a registration in progress with a token has ended. @param completed whether the registration succeeded */
export async function releaseRegistrationToken(db: Db, token: string, completed: boolean): Promise<void> {
  await db.raw(
    `UPDATE public.userapi_registration_tokens SET pending = pending - 1, completed = coalesce(completed, 0) + ?
     WHERE token = ? AND pending > 0`,
    [completed ? 1 : 0, token],
  );
}
