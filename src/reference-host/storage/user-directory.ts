import type { Knex } from 'knex';

export interface FoundUser {
  readonly userId: string;
  readonly displayName: string;
  readonly avatarUrl: string;
}

/**
 * Finds at most `limit` local users whose user id or display name contains a text. Leaves out deactivated users. Ignores case.
 */
export async function findUsers(db: Knex, term: string, limit: number): Promise<FoundUser[]> {
  const { rows } = await db.raw<{
    rows: { user_id: string; display_name: string | null; avatar_url: string | null }[];
  }>(
    `SELECT '@' || a.localpart || ':' || a.server_name AS user_id, p.display_name, p.avatar_url
     FROM public.userapi_accounts a
     LEFT JOIN public.userapi_profiles p ON p.localpart = a.localpart AND p.server_name = a.server_name
     WHERE a.is_deactivated IS NOT TRUE AND (strpos(lower(p.display_name), lower(:term)) > 0
       OR strpos(lower('@' || a.localpart || ':' || a.server_name), lower(:term)) > 0)
     ORDER BY a.localpart LIMIT :limit`,
    { term, limit },
  );
  return rows.map((row) => ({
    userId: row.user_id,
    displayName: row.display_name ?? '',
    avatarUrl: row.avatar_url ?? '',
  }));
}
