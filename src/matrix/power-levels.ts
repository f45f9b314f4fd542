import type { UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

/** The state events of a room that decide who may do what. */
export interface PowerState {
  readonly create: EventJson;
  /** Absent: the room has none, and defaults apply. */
  readonly powerLevels: EventJson | undefined;
}

type Level = 'ban' | 'events_default' | 'invite' | 'kick' | 'redact' | 'state_default' | 'users_default';
/** Client-Server API, `m.room.power_levels`. */
const DEFAULTS: Readonly<Record<Level, number>> = {
  ban: 50,
  events_default: 0,
  invite: 0,
  kick: 50,
  redact: 50,
  state_default: 50,
  users_default: 0,
};
const CREATOR_LEVEL = 100;

const fieldOf = (object: unknown, key: string): unknown =>
  isRecord(object) && Object.hasOwn(object, key) ? object[key] : undefined;

function levelOf(value: unknown, version: RoomVersion): number | undefined {
  if (typeof value === 'number') return Math.trunc(value);
  const spelled = version.stringPowerLevels && typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value);
  return spelled ? Number(value) : undefined;
}

function isCreator({ create }: PowerState, version: RoomVersion, userId: UserId): boolean {
  const creator = version.creatorInContent ? fieldOf(create.content, 'creator') : create.sender;
  const others = version.privilegedCreators ? fieldOf(create.content, 'additional_creators') : undefined;
  return creator === userId || (Array.isArray(others) && others.includes(userId));
}

/** A user's power level; infinite for creators since room version 12. */
export function powerLevelOf(state: PowerState, version: RoomVersion, userId: UserId): number {
  const creator = isCreator(state, version, userId);
  if (creator && version.privilegedCreators) return Number.POSITIVE_INFINITY;
  if (state.powerLevels === undefined) return creator ? CREATOR_LEVEL : DEFAULTS.users_default;
  const own = levelOf(fieldOf(fieldOf(state.powerLevels.content, 'users'), userId), version);
  return own ?? requiredLevel(state, version, 'users_default');
}

/** The power level that an action takes. */
export function requiredLevel({ powerLevels }: PowerState, version: RoomVersion, action: Level): number {
  return levelOf(fieldOf(powerLevels?.content, action), version) ?? DEFAULTS[action];
}

/** The power level that sending a message event of this type takes. */
export function requiredLevelToSend(state: PowerState, version: RoomVersion, type: string): number {
  const own = levelOf(fieldOf(fieldOf(state.powerLevels?.content, 'events'), type), version);
  return own ?? requiredLevel(state, version, 'events_default');
}
