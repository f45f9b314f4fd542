import { isRecord } from '../json.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

/** The type and state key of a state event. A room's state has at most one event for each such pair. */
export type StateKey = readonly [type: string, stateKey: string];

/** Joins a type and a state key into one string, to use it as a map key. */
export const stateName = (type: string, stateKey: string): string => `${type}\0${stateKey}`;

/** The fields of an event that decide which auth events it needs. */
export interface AuthorisedFields {
  readonly type: string;
  readonly sender: string;
  readonly stateKey?: string | undefined;
  readonly content: EventJson;
}

const textAt = (object: unknown, ...path: readonly string[]): string | undefined => {
  const value = path.reduce<unknown>(
    (inner, key) => (isRecord(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined),
    object,
  );
  return typeof value === 'string' ? value : undefined;
};

/**
 * Returns the types and state keys of the state events that an event must list in its `auth_events`, as far as the room has
 * such state events. The order is the same as in Dendrite. Since room version 12, the create event is not among them. Source:
 * Server-Server API, "Auth events selection".
 */
export function authEventKeys(event: AuthorisedFields, version: RoomVersion): StateKey[] {
  if (event.type === 'm.room.create') return [];
  return [...(version.privilegedCreators ? [] : [['m.room.create', ''] as const]), ...decidingKeys(event, version)];
}

/**
 * Returns the types and state keys of the state events that the authorisation rules read to check an event. In every room
 * version, the create event is among them.
 */
export function authStateKeys(event: AuthorisedFields, version: RoomVersion): StateKey[] {
  return [['m.room.create', ''], ...decidingKeys(event, version)];
}

function decidingKeys({ type, sender, stateKey, content }: AuthorisedFields, version: RoomVersion): StateKey[] {
  const powerLevels = ['m.room.power_levels', ''] as const;
  const own = ['m.room.member', sender] as const;
  if (type !== 'm.room.member' || stateKey === undefined) return [powerLevels, own];

  const membership = textAt(content, 'membership') ?? '';
  const needsJoinRules = ['join', 'invite', 'knock'].includes(membership);
  const token = membership === 'invite' ? textAt(content, 'third_party_invite', 'signed', 'token') : undefined;
  const authoriser =
    version.restrictedJoins && membership === 'join' ? textAt(content, 'join_authorised_via_users_server') : undefined;
  return [
    ...(needsJoinRules ? [['m.room.join_rules', ''] as const] : []),
    powerLevels,
    own,
    ...(stateKey === sender ? [] : [['m.room.member', stateKey] as const]),
    ...(token === undefined ? [] : [['m.room.third_party_invite', token] as const]),
    ...(authoriser === undefined || [sender, stateKey].includes(authoriser)
      ? []
      : [['m.room.member', authoriser] as const]),
  ];
}
