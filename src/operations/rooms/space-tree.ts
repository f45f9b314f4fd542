import type { RoomId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import type { Db } from '../../storage/database.ts';
import { listShownRooms } from '../../storage/roomserver/room-summaries.ts';
import { readNamedState, textOf } from '../../storage/syncapi/named-state.ts';
import { listSpaceChildren, type SpaceChildEvent } from '../../storage/syncapi/space-children.ts';

/**
 * Maximum number of rooms that one call of `walkSpace()` reads, and of child events that one call of `readChildren()` reads.
 * Further rooms and children are left out.
 */
const MAX_ROOMS = 5_000;

/** Returns those of the given rooms that are spaces. In other rooms, `m.space.child` events have no meaning. */
async function spacesAmong(db: Db, roomIds: readonly RoomId[]): Promise<RoomId[]> {
  const states = await readNamedState(db, roomIds, ['m.room.create']);
  return roomIds.filter((roomId) => textOf(states.get(roomId)?.get('m.room.create'), 'type') === 'm.space');
}

/**
 * Tells whether an `m.space.child` event adds a child to the space. An event without servers in `via` removes the child.
 * Source: Client-Server API, `m.space.child`.
 */
const isChild = ({ event: { content } }: SpaceChildEvent): boolean => {
  const { via } = (content ?? {}) as EventJson;
  return Array.isArray(via) && via.length > 0;
};

/** Source: Client-Server API, "Ordering of children within a space". */
const ORDER = /^[\x20-\x7e]{1,50}$/;

function rankOf({
  childId,
  event,
}: SpaceChildEvent): readonly [hasNoOrder: number, order: string, time: number, id: string] {
  const { order } = (event.content ?? {}) as EventJson;
  const hasOrder = typeof order === 'string' && ORDER.test(order);
  const time = typeof event.origin_server_ts === 'number' ? event.origin_server_ts : 0;
  return [hasOrder ? 0 : 1, hasOrder ? order : '', time, childId];
}

function compareChildren(a: SpaceChildEvent, b: SpaceChildEvent): number {
  const [left, right] = [rankOf(a), rankOf(b)];
  const at = left.findIndex((value, i) => value !== right[i]);
  return at < 0 ? 0 : (left[at] ?? 0) < (right[at] ?? 0) ? -1 : 1;
}

/**
 * For each space among the given rooms, reads the `m.space.child` events that add a child, sorted as the specification says.
 */
export async function readChildren(db: Db, roomIds: readonly RoomId[]): Promise<Map<RoomId, SpaceChildEvent[]>> {
  const spaces = await spacesAmong(db, roomIds);
  const children = new Map(spaces.map((spaceId): [RoomId, SpaceChildEvent[]] => [spaceId, []]));
  for (const child of await listSpaceChildren(db, spaces, MAX_ROOMS)) {
    if (isChild(child)) children.get(child.spaceId)?.push(child);
  }
  for (const list of children.values()) list.sort(compareChildren);
  return children;
}

/**
 * Lists a space and the known rooms below it, depth first: a space, then its first child with all rooms below that child, and
 * so on. Lists each room only once. Leaves out rooms of which the homeserver has no events, and rooms that are being purged.
 * @param maxDepth number of levels below the space
 */
export async function walkSpace(db: Db, root: RoomId, maxDepth: number): Promise<RoomId[]> {
  const { shown, children } = await loadTree(db, root, maxDepth);
  const order: RoomId[] = [];
  const visited = new Set<string>();
  const stack = [{ roomId: root as string, depth: 0 }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { depth } = next;
    const roomId = shown.get(next.roomId);
    if (roomId === undefined || visited.has(roomId)) continue;
    visited.add(roomId);
    order.push(roomId);
    if (depth >= maxDepth) continue;
    const below = children.get(roomId) ?? [];
    stack.push(...below.map(({ childId }) => ({ roomId: childId, depth: depth + 1 })).reverse());
  }
  return order;
}

/**
 * Reads a space and the rooms below it, level by level. `shown` has those of these rooms of which the homeserver has events and
 * that are not being purged. `children` has, for each space above the last level, the events that add a child.
 */
async function loadTree(
  db: Db,
  root: RoomId,
  maxDepth: number,
): Promise<{ shown: Map<string, RoomId>; children: Map<RoomId, SpaceChildEvent[]> }> {
  const shown = new Map<string, RoomId>();
  const children = new Map<RoomId, SpaceChildEvent[]>();
  const seen = new Set<string>([root]);
  let level: string[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    const known = await listShownRooms(db, level);
    for (const roomId of known) shown.set(roomId, roomId);
    if (depth >= maxDepth) break;
    level = [];
    for (const [spaceId, below] of await readChildren(db, known)) {
      children.set(spaceId, below);
      for (const { childId } of below) {
        if (seen.has(childId) || seen.size >= MAX_ROOMS) continue;
        seen.add(childId);
        level.push(childId);
      }
    }
  }
  return { shown, children };
}
