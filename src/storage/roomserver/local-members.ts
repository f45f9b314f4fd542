/**
 * Whether the user of a row `m` of `roomserver_membership`, whose id is row `k` of `roomserver_event_state_keys`, is of a
 * local server name: `target_local` alone would miss the users of virtual hosts, since Dendrite sets it for the primary
 * server name only. Takes `:localServerNames`.
 */
export const IS_LOCAL = `(m.target_local
  OR substr(k.event_state_key, strpos(k.event_state_key, ':') + 1) = ANY(:localServerNames))`;

/** Whether local users are in a room `r`, invited to it or knocking at it. Takes `:localServerNames`. */
export const HAS_LOCAL_USERS = `EXISTS (
  SELECT FROM public.roomserver_membership m
  JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
  WHERE m.room_nid = r.room_nid AND m.membership_nid IN (2, 3, 4) AND ${IS_LOCAL})`;
