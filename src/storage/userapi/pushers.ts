import { splitUserId, type UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** A target to which the homeserver pushes a user's notifications. Source: Client-Server API, "Push Notifications". */
export interface Pusher {
  readonly pushkey: string;
  readonly kind: string;
  readonly appId: string;
  readonly appDisplayName: string;
  readonly deviceDisplayName: string;
  readonly profileTag: string;
  readonly lang: string;
  readonly data: unknown;
  /** Id of the device that created the pusher. `null` if the device no longer exists. */
  readonly deviceId: string | null;
}

/** Lists a user's pushers in the order of their creation. */
export async function readPushers(db: Db, userId: UserId): Promise<Pusher[]> {
  const { localpart, serverName } = splitUserId(userId);
  const rows = await rowsOf<Pusher & { readonly data: string }>(
    db.raw(
      `SELECT p.pushkey, p.kind, p.app_id AS "appId", p.app_display_name AS "appDisplayName",
         p.device_display_name AS "deviceDisplayName", coalesce(p.profile_tag, '') AS "profileTag", p.lang, p.data,
         d.device_id AS "deviceId"
       FROM public.userapi_pushers p LEFT JOIN public.userapi_devices d
         ON d.localpart = p.localpart AND d.server_name = p.server_name AND d.session_id = p.session_id
       WHERE p.localpart = ? AND p.server_name = ? ORDER BY p.id`,
      [localpart, serverName],
    ),
  );
  return rows.map((row) => ({ ...row, data: JSON.parse(row.data) as unknown }));
}
