import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { type NamedState, readNamedState, textOf } from '../../homeserver/index.ts';
import { MatrixError } from '../../index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { clientPaths, limitOf, queryOf } from '../request-parameters.ts';
import { listPublicRooms, type PublicRoom } from '../storage/public-rooms.ts';

const PATHS = clientPaths('/publicRooms');
const MAX_ROOMS = 500;
/**
 * The text fields of a room in an answer. For each, the list has a type of state events, and the field of the event's content
 * that has the text.
 */
const TEXTS = {
  name: ['m.room.name', 'name'],
  topic: ['m.room.topic', 'topic'],
  canonical_alias: ['m.room.canonical_alias', 'alias'],
  avatar_url: ['m.room.avatar', 'url'],
  join_rule: ['m.room.join_rules', 'join_rule'],
  room_type: ['m.room.create', 'type'],
} as const;
/**
 * The boolean fields of a room in an answer. For each, the list has a type of state events, a field of the event's content, and
 * a value. The answer has `true` if the field has this value.
 */
const FLAGS = {
  world_readable: ['m.room.history_visibility', 'history_visibility', 'world_readable'],
  guest_can_join: ['m.room.guest_access', 'guest_access', 'can_join'],
} as const;
const TYPES = [...Object.values(TEXTS), ...Object.values(FLAGS)].map(([type]) => type);

const searchSchema = z.object({
  limit: z.int().positive().optional(),
  since: z.string().optional(),
  filter: z
    .object({
      generic_search_term: z.string().nullish(),
      room_types: z.array(z.string().nullable()).nullish(),
    })
    .optional(),
});
type Search = z.output<typeof searchSchema>;
type Entry = Readonly<Record<string, unknown>>;

/** Adds the routes that list the published rooms of this homeserver. Source: Client-Server API, "Listing rooms". */
export function addPublicRoomsRoutes(router: Router, context: HostContext): void {
  router.get(PATHS, async (ctx) => {
    const since = queryOf(ctx, 'since');
    ctx.body = await answer(context, ctx, {
      limit: limitOf(ctx, MAX_ROOMS, MAX_ROOMS),
      ...(since !== undefined && { since }),
    });
  });
  router.post(PATHS, async (ctx) => {
    await authenticate(ctx, context);
    ctx.body = await answer(context, ctx, bodyOf(ctx, searchSchema));
  });
}

async function answer({ db, signingKey }: HostContext, ctx: Context, search: Search): Promise<Entry> {
  const server = queryOf(ctx, 'server') ?? signingKey.serverName;
  if (server !== signingKey.serverName)
    throw new MatrixError('M_NOT_FOUND', 'This homeserver does not ask other servers for their rooms');
  const { limit = MAX_ROOMS, since = '0', filter } = search;
  if (!/^\d{1,9}$/.test(since)) throw new MatrixError('M_INVALID_PARAM', 'since is not a token of this list');
  const published = await listPublicRooms(db);
  const states = await readNamedState(
    db,
    published.map(({ roomId }) => roomId),
    TYPES,
  );
  const found = published
    .map((room) => entryOf(room, states.get(room.roomId)))
    .filter((entry) => matches(entry, filter));
  const [from, to] = [Number(since), Number(since) + limit];
  return {
    chunk: found.slice(from, to),
    total_room_count_estimate: found.length,
    ...(to < found.length && { next_batch: String(to) }),
    ...(from > 0 && { prev_batch: String(Math.max(0, from - limit)) }),
  };
}

function entryOf({ roomId, members }: PublicRoom, state: ReadonlyMap<string, NamedState> | undefined): Entry {
  const texts = Object.entries(TEXTS).flatMap(([field, [type, key]]) => {
    const text = textOf(state?.get(type), key);
    return text === null ? [] : [[field, text] as const];
  });
  const flags = Object.entries(FLAGS).map(([field, [type, key, value]]) => [
    field,
    textOf(state?.get(type), key) === value,
  ]);
  return { room_id: roomId, num_joined_members: members, ...Object.fromEntries([...flags, ...texts]) };
}

function matches(entry: Entry, filter: Search['filter']): boolean {
  const term = filter?.generic_search_term?.toLowerCase() ?? '';
  const texts = [entry.name, entry.topic, entry.canonical_alias];
  const isFound = term === '' || texts.some((text) => typeof text === 'string' && text.toLowerCase().includes(term));
  const types: readonly unknown[] | null | undefined = filter?.room_types;
  return isFound && (types?.includes(entry.room_type ?? null) ?? true);
}
