import type { Config } from '../../config.ts';
import type { RoomId } from '../../ids.ts';
import type { ClientEvent } from '../../matrix/client-event.ts';
import type { ModeratedRoom } from '../../operations/moderation/moderated-rooms.ts';
import { defineRoute, ok, type Route } from '../route.ts';

const ROOM = '/_matrix/client/unstable/uk.timedout.msc4390/admin/rooms/:roomId';

const isOn = ({ unstable }: Config): boolean => unstable.msc4390;

type Content = Readonly<Record<string, unknown>>;

/** A room in the form of MSC4390. If the room lacks something, such as a name, the field is missing. */
interface ModeratedRoomBody {
  readonly room_id: RoomId;
  readonly blocked: boolean;
  readonly name?: string | undefined;
  readonly topic?: Content | undefined;
  readonly avatar?: string | undefined;
  readonly canonical_alias?: string | undefined;
  readonly alt_aliases?: unknown;
  readonly joined_members: number;
  readonly local_members: number;
  readonly create_event: ClientEvent;
  readonly join_rules?: Content | undefined;
  readonly history_visibility?: string | undefined;
  readonly power_levels?: Content | undefined;
  readonly acl?: Content | undefined;
}

const bodyOf = ({ details: room, blocked, createEvent, state }: ModeratedRoom): ModeratedRoomBody => {
  const contentOf = (type: string): Content | undefined =>
    state.find((event) => event.type === type && event['state_key'] === '')?.content;
  return {
    room_id: room.roomId,
    blocked,
    name: room.name ?? undefined,
    topic: contentOf('m.room.topic'),
    avatar: room.avatar ?? undefined,
    canonical_alias: room.canonicalAlias ?? undefined,
    alt_aliases: contentOf('m.room.canonical_alias')?.['alt_aliases'],
    joined_members: room.joinedMembers,
    local_members: room.joinedLocalMembers,
    create_event: createEvent,
    join_rules: contentOf('m.room.join_rules'),
    history_visibility: room.historyVisibility ?? undefined,
    power_levels: contentOf('m.room.power_levels'),
    acl: contentOf('m.room.server_acl'),
  };
};

/**
 * Routes of the proposal MSC4390, as it was on 19 January 2026: administrators see, block and delete rooms. The routes exist
 * only if `unstable.msc4390` is set.
 */
export const MODERATED_ROOM_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: ROOM,
    operation: 'getModeratedRoom',
    isOn,
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: (room) => ok(bodyOf(room)),
  }),
  defineRoute({
    method: 'PUT',
    path: `${ROOM}/blocked`,
    operation: 'setRoomBlocked',
    isOn,
    names: { block: 'blocked' },
    input: ({ params, body }) => ({ roomId: params.roomId, block: body.blocked }),
    respond: ({ block }) => ok({ blocked: block }),
  }),
  defineRoute({
    method: 'DELETE',
    path: ROOM,
    operation: 'deleteRoom',
    isOn,
    input: ({ params, body }) => ({ roomId: params.roomId, block: body.block, dryRun: body.dry_run }),
    respondStarted: (_jobId, { params }) => ok({ room_id: params.roomId }),
    respond: (_shutdown, { params }) => ok({ room_id: params.roomId }),
  }),
  defineRoute({
    method: 'GET',
    path: `${ROOM}/delete/status`,
    operation: 'getRoomDeletionStatus',
    isOn,
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: ({ users, aliases, percent, etaMs, done }) =>
      ok({ users, aliases, progress: percent, eta: Math.ceil(etaMs / 1_000), done }),
  }),
];
