import type { Knex } from 'knex';

/**
 * SQL that casts a text column to JSON. Replaces the escapes of NUL and of surrogates by U+FFFD, because PostgreSQL cannot read
 * values with NUL or lone surrogates.
 */
const json = (column: string): string => `CAST(CASE WHEN strpos(${column}, '\\u') = 0 THEN ${column}
    ELSE regexp_replace(${column}, '\\\\u(0000|[dD][89abcdefABCDEF][0-9a-fA-F]{2})', '\\\\ufffd', 'g') END AS json)`;

/** The texts that a summary has from state events: the type of the event, and the key of the text in its content. */
const KEYS = {
  'm.room.name': 'name',
  'm.room.canonical_alias': 'alias',
  'm.room.encryption': 'algorithm',
  'm.room.join_rules': 'join_rule',
  'm.room.guest_access': 'guest_access',
  'm.room.history_visibility': 'history_visibility',
};

const set = (column: string, type: keyof typeof KEYS, value: string): string =>
  `${column} = CASE the_type WHEN '${type}' THEN ${value} ELSE s.${column} END`;

/**
 * The function updates the summary of a room after one state event. It returns `false` and changes nothing unless the event is
 * the room's only forward extremity, adds only itself to the state, removes nothing or only the earlier event with the same type
 * and state key, and is the only change that the summary lacks. `old` is that earlier event. `is_joined` tells whether the event
 * is a membership `join`. `is_local` tells whether its state key is a local user.
 *
 * PL/pgSQL keeps the plans of its statements for each connection of PostgreSQL. So it also works behind pgbouncer.
 */
const UP = `
CREATE FUNCTION matrix_admin.follow_state_event(
  the_room text, the_event text, the_type text, is_joined boolean, is_local boolean
) RETURNS boolean LANGUAGE plpgsql AS $function$
DECLARE
  change record;
  text_key text := CASE the_type ${Object.entries(KEYS)
    .map(([type, key]) => `WHEN '${type}' THEN '${key}'`)
    .join(' ')} END;
  value text;
  joined integer := 0;
BEGIN
  SELECT r.room_nid, e.event_nid, e.state_snapshot_nid AS before, r.state_snapshot_nid AS after, old.event_nid AS old_nid
  INTO change
  FROM public.roomserver_events e
  JOIN public.roomserver_rooms r ON r.room_nid = e.room_nid
  JOIN public.syncapi_output_room_events o ON o.event_id = e.event_id
  LEFT JOIN public.roomserver_events old ON old.event_id = o.remove_state_ids[1]
  WHERE e.event_id = the_event AND r.room_id = the_room AND r.latest_event_nids = ARRAY[e.event_nid]
    AND o.add_state_ids = ARRAY[e.event_id] AND (coalesce(cardinality(o.remove_state_ids), 0) = 0
      OR (cardinality(o.remove_state_ids) = 1 AND old.event_type_nid = e.event_type_nid
        AND old.event_state_key_nid = e.event_state_key_nid));
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF the_type = 'm.room.member' THEN
    joined := is_joined::int - coalesce((SELECT (${json('j.event_json')} #>> '{content,membership}' = 'join')::int
      FROM public.roomserver_event_json j WHERE j.event_nid = change.old_nid), 0);
  END IF;
  IF text_key IS NOT NULL THEN
    value := (SELECT nullif(${json('c.headered_event_json')} #>> ARRAY['content', text_key], '')
      FROM public.syncapi_current_room_state c
      WHERE c.room_id = the_room AND c.type = the_type AND c.state_key = '');
  END IF;
  UPDATE matrix_admin.room_summaries s SET
    up_to = change.event_nid,
    state_snapshot_nid = change.after,
    state_events = s.state_events + (change.old_nid IS NULL)::int,
    joined_members = s.joined_members + joined,
    joined_local_members = s.joined_local_members + joined * is_local::int,
    ${set('name', 'm.room.name', 'left(value, 255)')},
    ${set('search_name', 'm.room.name', 'lower(value)')},
    ${set('canonical_alias', 'm.room.canonical_alias', 'left(value, 255)')},
    ${set('search_alias', 'm.room.canonical_alias', 'lower(value)')},
    ${set('encryption', 'm.room.encryption', 'left(value, 255)')},
    ${set('join_rules', 'm.room.join_rules', 'left(value, 255)')},
    ${set('guest_access', 'm.room.guest_access', 'left(value, 255)')},
    ${set('history_visibility', 'm.room.history_visibility', 'left(value, 255)')}
  WHERE s.room_nid = change.room_nid AND s.up_to < change.event_nid AND s.state_snapshot_nid = change.before;
  RETURN FOUND;
END
$function$;
`;

/** Creates the function with which `admin.events.apply()` updates the summary of a room after one state event. */
export const followStateEvent = {
  name: '0028-follow-state-event',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP FUNCTION matrix_admin.follow_state_event(text, text, text, boolean, boolean)');
  },
};
