import { z } from 'zod';
import { DEFAULT_POWER_LEVELS } from '../../homeserver/index.ts';
import { isUserId, type NewRoom, type RoomEventDraft, type UserId } from '../../index.ts';
import { isRecord, type RoomAlias, roomVersionOf } from '../../matrix/index.ts';
import { storableText } from '../storable-text.ts';

const object = z.record(z.string(), z.unknown());
const userIds = z
  .array(z.custom<UserId>((value) => typeof value === 'string' && isUserId(value), 'not a user id'))
  .max(100);

/** A request to create a room. Third-party invites are not supported. Source: Client-Server API, "Creation". */
export const newRoomSchema = z.object({
  preset: z.enum(['private_chat', 'trusted_private_chat', 'public_chat']).optional(),
  visibility: z.enum(['private', 'public']).optional(),
  room_alias_name: storableText(200).min(1).optional(),
  name: z.string().optional(),
  topic: z.string().optional(),
  room_version: z.string().optional(),
  creation_content: object.optional(),
  power_level_content_override: object.optional(),
  initial_state: z
    .array(z.object({ type: storableText(255), state_key: storableText(255).optional(), content: object }))
    .max(200)
    .optional(),
  invite: userIds.optional(),
  is_direct: z.boolean().optional(),
});
export type NewRoomRequest = z.output<typeof newRoomSchema>;

/** Dendrite's default room version. */
export const DEFAULT_ROOM_VERSION = '10';
const CREATOR_LEVEL = 100;

/** The join rule and the guest access of each preset. Source: Client-Server API, "Creation". */
const PRESETS = {
  private_chat: { joinRule: 'invite', guestAccess: 'can_join' },
  trusted_private_chat: { joinRule: 'invite', guestAccess: 'can_join' },
  public_chat: { joinRule: 'public', guestAccess: 'forbidden' },
} as const;

/**
 * Returns the room that a client wants to create, with the events that follow the create event, in the order of the
 * specification. An event of `initial_state` replaces the preset's event of the same type and state key.
 */
export function newRoomOf(
  request: NewRoomRequest,
  {
    join,
    invites,
    alias,
  }: {
    /** The creator's join. */
    readonly join: RoomEventDraft;
    readonly invites: readonly RoomEventDraft[];
    readonly alias: RoomAlias | undefined;
  },
): NewRoom {
  const { sender: creator } = join;
  const version = request.room_version ?? DEFAULT_ROOM_VERSION;
  const preset = request.preset ?? (request.visibility === 'public' ? 'public_chat' : 'private_chat');
  const { joinRule, guestAccess } = PRESETS[preset];
  const trusted = preset === 'trusted_private_chat' ? (request.invite ?? []) : [];
  const { privilegedCreators } = roomVersionOf(version);
  const state = (type: string, content: RoomEventDraft['content'], stateKey = ''): RoomEventDraft => {
    return { type, sender: creator, stateKey, content };
  };
  const wanted = (request.initial_state ?? []).map(({ type, state_key, content }) => state(type, content, state_key));
  const isWanted = ({ type, stateKey }: RoomEventDraft): boolean =>
    wanted.some((other) => other.type === type && other.stateKey === stateKey);
  const presets = [
    state('m.room.join_rules', { join_rule: joinRule }),
    state('m.room.history_visibility', { history_visibility: 'shared' }),
    state('m.room.guest_access', { guest_access: guestAccess }),
  ];
  const creators = privilegedCreators && trusted.length > 0 ? additionalCreators(request, trusted) : {};
  return {
    version,
    creator,
    content: { ...request.creation_content, ...creators },
    drafts: [
      join,
      state('m.room.power_levels', powerLevelsOf(request, privilegedCreators ? [] : [creator, ...trusted])),
      ...(alias === undefined ? [] : [state('m.room.canonical_alias', { alias })]),
      ...presets.filter((draft) => !isWanted(draft)),
      ...wanted,
      ...(request.name === undefined ? [] : [state('m.room.name', { name: request.name })]),
      ...(request.topic === undefined ? [] : [state('m.room.topic', { topic: request.topic })]),
      ...invites,
    ],
  };
}

function powerLevelsOf(
  { power_level_content_override: override }: NewRoomRequest,
  powerful: readonly UserId[],
): RoomEventDraft['content'] {
  const users = Object.fromEntries(powerful.map((userId) => [userId, CREATOR_LEVEL]));
  return { ...DEFAULT_POWER_LEVELS, invite: 0, users_default: 0, users, ...override };
}

/**
 * Returns the field `additional_creators`, with the users whom the request names and the invited users of a trusted private
 * chat. Since room version 12, these invited users are creators of the room instead of having the power level 100.
 */
function additionalCreators({ creation_content: content }: NewRoomRequest, trusted: readonly UserId[]): object {
  const named: unknown = isRecord(content) ? content.additional_creators : undefined;
  return { additional_creators: [...new Set([...(Array.isArray(named) ? (named as unknown[]) : []), ...trusted])] };
}
