/**
 * SQL condition: the user in row `m` of `roomserver_membership` is local. Row `k` of `roomserver_event_state_keys` must be the
 * row of this user's id. The column `target_local` alone would miss users of virtual hosts, because Dendrite sets it only for
 * users of the main server name. The query needs the binding `:localServerNames`.
 */
export const IS_LOCAL = `(m.target_local
  OR substr(k.event_state_key, strpos(k.event_state_key, ':') + 1) = ANY(:localServerNames))`;

/**
 * SQL condition: a local user has joined the room `r`, is invited to it or is knocking at it. The query needs the binding
 * `:localServerNames`.
 */
export const HAS_LOCAL_USERS = `EXISTS (
  SELECT FROM public.roomserver_membership m
  JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
  WHERE m.room_nid = r.room_nid AND m.membership_nid IN (2, 3, 4) AND ${IS_LOCAL})`;
