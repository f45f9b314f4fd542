import type { Knex } from 'knex';
import type { EventId, RoomId, UserId } from '../ids.ts';
import { type Db, rowsOf } from './database.ts';

/** A text in the database that may refer to media, and the place of the text. */
export interface MediaNaming {
  /** JSON, or for the kind `profile` the URI of the avatar. */
  readonly text: string;
  readonly place: MediaPlace;
}

/** What contains a text that may refer to media. */
export type MediaPlace =
  | { readonly kind: 'event'; readonly roomId: RoomId; readonly eventId: EventId; readonly type: string }
  | { readonly kind: 'invite'; readonly roomId: RoomId; readonly eventId: EventId }
  | { readonly kind: 'profile'; readonly userId: UserId }
  | { readonly kind: 'account_data'; readonly userId: UserId; readonly type: string };

/** Selects the texts to read. A NID is a number by which Dendrite's tables refer to a room or an event. */
export interface NamingFilter {
  /** The text to look for. Of JSON, texts that may contain it in an escaped form are read, too. */
  readonly needle: string;
  /**
   * NID of a room. `readEvents` and `readInvites` read only texts of this room; the others ignore it. @defaultValue all rooms
   */
  readonly onlyRoom?: number | undefined;
  /** NID of a room that `readEvents` and `readInvites` leave out. @defaultValue no room */
  readonly exceptRoom?: number | undefined;
  /** A user whose profile `readProfiles` leaves out. @defaultValue no user */
  readonly exceptUser?: UserId | undefined;
}

/** A page of texts. */
interface NamingPage {
  readonly namings: readonly MediaNaming[];
  /** The key of the row after which the next page begins. `undefined` on the last page. */
  readonly next: readonly (string | number)[] | undefined;
}

/**
 * Reads a page of the texts that the filter selects in one table. `after` is `next` of the previous page, and empty for the
 * first page.
 */
type ReadPage = (db: Db, filter: NamingFilter, after: readonly (string | number)[]) => Promise<NamingPage>;

/** Number of successive NIDs of which one call of `readEvents` reads the events. Not each NID has an event. */
const NIDS = 20_000;
/** Maximum number of rows that one call of the other functions reads. */
const ROWS = 2_000;

/**
 * SQL condition: a column of JSON contains the needle or the text `\u00`. In JSON, `\u00` begins the escape of an ASCII
 * character, so such a column may contain the needle in an escaped form.
 */
export const contains = (column: string): string =>
  `(strpos(${column}, :needle) > 0 OR strpos(${column}, '\\u00') > 0)`;

const bindings = (filter: NamingFilter, more: Record<string, unknown>): Record<string, Knex.Value> =>
  ({
    needle: filter.needle,
    onlyRoom: filter.onlyRoom ?? null,
    exceptRoom: filter.exceptRoom ?? null,
    exceptUser: filter.exceptUser ?? null,
    ...more,
  }) as Record<string, Knex.Value>;

const OF_ROOMS = `(CAST(:onlyRoom AS bigint) IS NULL OR x.room_nid = CAST(:onlyRoom AS bigint))
  AND x.room_nid IS DISTINCT FROM CAST(:exceptRoom AS bigint)`;

/**
 * Reads the JSON of events in the order of their NIDs. The query scans the events of all rooms, even with `onlyRoom`, because
 * Dendrite has no index of events by room.
 */
const readEvents: ReadPage = async (db, filter, [after = 0]) => {
  const [range] = await rowsOf<{ first: string | null; last: string | null }>(
    db.raw(
      `SELECT min(event_nid) AS first, max(event_nid) AS last FROM public.roomserver_events
       WHERE event_nid > CAST(? AS bigint)`,
      [after],
    ),
  );
  const upTo = Number(range?.first ?? 0) - 1 + NIDS;
  const rows = await rowsOf<{ room_id: RoomId; event_id: EventId; event_type: string; event_json: string }>(
    db.raw(
      `SELECT r.room_id, x.event_id, t.event_type, j.event_json FROM public.roomserver_events x
       JOIN public.roomserver_event_json j USING (event_nid) JOIN public.roomserver_rooms r USING (room_nid)
       JOIN public.roomserver_event_types t USING (event_type_nid)
       WHERE event_nid > CAST(:after AS bigint) AND event_nid <= CAST(:upTo AS bigint)
         AND ${OF_ROOMS} AND ${contains('j.event_json')} ORDER BY event_nid`,
      bindings(filter, { after, upTo }),
    ),
  );
  return {
    namings: rows.map(({ room_id: roomId, event_id: eventId, event_type: type, event_json: text }) => ({
      text,
      place: { kind: 'event', roomId, eventId, type },
    })),
    next: upTo < Number(range?.last ?? 0) ? [upTo] : undefined,
  };
};

/** Reads the JSON of the given events. Leaves out events whose JSON cannot contain `mxc:`, the beginning of a media's URI. */
export async function readTextsOfEvents(db: Db, eventNids: readonly number[]): Promise<string[]> {
  const rows = await rowsOf<{ event_json: string }>(
    db.raw(
      `SELECT event_json FROM public.roomserver_event_json
       WHERE event_nid = ANY(CAST(:eventNids AS bigint[])) AND ${contains('event_json')}`,
      { eventNids: [...eventNids], needle: 'mxc:' },
    ),
  );
  return rows.map(({ event_json: text }) => text);
}

/** Reads the current `m.room.avatar` and `m.room.member` events of all rooms, because they contain avatars. */
const readCurrentAvatars: ReadPage = async (db, filter, [after = '']) => {
  const rows = await rowsOf<{ room_id: RoomId; event_id: EventId; type: string; headered_event_json: string }>(
    db.raw(
      `SELECT room_id, event_id, type, headered_event_json FROM public.syncapi_current_room_state
       WHERE event_id > :after AND type IN ('m.room.avatar', 'm.room.member') AND ${contains('headered_event_json')}
       ORDER BY event_id LIMIT :limit`,
      bindings(filter, { after, limit: ROWS }),
    ),
  );
  return pageOf(
    rows.map(({ room_id: roomId, event_id: eventId, type, headered_event_json: text }) => ({
      text,
      place: { kind: 'event', roomId, eventId, type },
    })),
    [rows.at(-1)?.event_id ?? ''],
  );
};

/** Reads the JSON of the invites that Dendrite has stored in a table of their own. */
const readInvites: ReadPage = async (db, filter, [after = '']) => {
  const rows = await rowsOf<{ room_id: RoomId; invite_event_id: EventId; invite_event_json: string }>(
    db.raw(
      `SELECT r.room_id, x.invite_event_id, x.invite_event_json FROM public.roomserver_invites x
       JOIN public.roomserver_rooms r USING (room_nid)
       WHERE x.invite_event_id > :after AND ${OF_ROOMS} AND ${contains('x.invite_event_json')}
       ORDER BY x.invite_event_id LIMIT :limit`,
      bindings(filter, { after, limit: ROWS }),
    ),
  );
  return pageOf(
    rows.map(({ room_id: roomId, invite_event_id: eventId, invite_event_json: text }) => ({
      text,
      place: { kind: 'invite', roomId, eventId },
    })),
    [rows.at(-1)?.invite_event_id ?? ''],
  );
};

const USER_ID = `'@' || localpart || ':' || server_name`;

/** Reads the avatars in the profiles of local users. */
const readProfiles: ReadPage = async (db, filter, [localpart = '', serverName = '']) => {
  const rows = await rowsOf<{ localpart: string; server_name: string; user_id: UserId; avatar_url: string }>(
    db.raw(
      `SELECT localpart, server_name, ${USER_ID} AS user_id, avatar_url FROM public.userapi_profiles
       WHERE (localpart, server_name) > (:localpart, :serverName) AND strpos(avatar_url, :needle) > 0
         AND ${USER_ID} IS DISTINCT FROM CAST(:exceptUser AS text)
       ORDER BY localpart, server_name LIMIT :limit`,
      bindings(filter, { localpart, serverName, limit: ROWS }),
    ),
  );
  const last = rows.at(-1);
  return pageOf(
    rows.map(({ user_id: userId, avatar_url: text }) => ({ text, place: { kind: 'profile', userId } })),
    [last?.localpart ?? '', last?.server_name ?? ''],
  );
};

/** Reads the account data of local users. Account data may refer, for example, to the users' own stickers. */
const readAccountData: ReadPage = async (db, filter, [localpart = '', serverName = '', roomId = '', type = '']) => {
  const rows = await rowsOf<{
    localpart: string;
    server_name: string;
    user_id: UserId;
    room_id: string;
    type: string;
    content: string;
  }>(
    db.raw(
      `SELECT localpart, server_name, ${USER_ID} AS user_id, coalesce(room_id, '') AS room_id, type, content
       FROM public.userapi_account_datas
       WHERE (localpart, server_name, coalesce(room_id, ''), type) > (:localpart, :serverName, :roomId, :type)
         AND ${contains('content')}
       ORDER BY localpart, server_name, coalesce(room_id, ''), type LIMIT :limit`,
      bindings(filter, { localpart, serverName, roomId, type, limit: ROWS }),
    ),
  );
  const last = rows.at(-1);
  return pageOf(
    rows.map(({ user_id: userId, type: dataType, content: text }) => ({
      text,
      place: { kind: 'account_data', userId, type: dataType },
    })),
    [last?.localpart ?? '', last?.server_name ?? '', last?.room_id ?? '', last?.type ?? ''],
  );
};

const pageOf = (namings: readonly MediaNaming[], last: readonly (string | number)[]): NamingPage => ({
  namings,
  next: namings.length < ROWS ? undefined : last,
});

/** For `readNamings()`: all texts that may refer to media. */
export const EVERYWHERE: readonly ReadPage[] = [readEvents, readInvites, readProfiles, readAccountData];
/** For `readNamings()`: the texts that may refer to the current avatar of a user or a room. */
export const AVATARS: readonly ReadPage[] = [readProfiles, readCurrentAvatars];
/** For `readNamings()`: the events of rooms. */
export const EVENTS: readonly ReadPage[] = [readEvents];

/**
 * Reads the texts that the filter selects, page by page.
 * @param reader returns the connection for the next page
 * @param sources which tables to read, for example `EVERYWHERE`
 * @param signal aborts the reading before the next page; the generator then throws the signal's reason
 */
export async function* readNamings(
  reader: () => Db,
  sources: readonly ReadPage[],
  filter: NamingFilter,
  signal: AbortSignal,
): AsyncGenerator<readonly MediaNaming[], void, undefined> {
  for (const read of sources) {
    let after: NamingPage['next'] = [];
    while (after !== undefined) {
      signal.throwIfAborted();
      const page: NamingPage = await read(reader(), filter, after);
      yield page.namings;
      after = page.next;
    }
  }
}
