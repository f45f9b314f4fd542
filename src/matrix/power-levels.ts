import type { UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

/** The state events of a room that define power levels. */
export interface PowerState {
  readonly create: EventJson;
  /** The power levels event. `undefined` if the room has none, so that default levels apply. */
  readonly powerLevels: EventJson | undefined;
}

export type Level = 'ban' | 'events_default' | 'invite' | 'kick' | 'redact' | 'state_default' | 'users_default';
/** The default levels. Source: Client-Server API, `m.room.power_levels`. */
export const DEFAULT_LEVELS: Readonly<Record<Level, number>> = {
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

/**
 * Reads a power level: a number, or an integer in a string if the room version allows strings. Drops the fraction of a number.
 * Returns `undefined` for any other value.
 */
export function levelOf(value: unknown, version: RoomVersion): number | undefined {
  const isSpelled = version.stringPowerLevels && typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value);
  const level = typeof value === 'number' || isSpelled ? Math.trunc(Number(value)) : Number.NaN;
  return Number.isFinite(level) ? level : undefined;
}

/** Tells whether a user is a creator of the room. Since room version 12, additional creators count too. */
export function isCreator({ create }: PowerState, version: RoomVersion, userId: UserId): boolean {
  const creator = version.creatorInContent ? fieldOf(create.content, 'creator') : create.sender;
  const others = version.privilegedCreators ? fieldOf(create.content, 'additional_creators') : undefined;
  return creator === userId || (Array.isArray(others) && others.includes(userId));
}

/**
 * Returns a user's power level. Since room version 12, the level of creators is infinite. In earlier versions, the creator has
 * level 100 as long as the room has no power levels event.
 */
export function powerLevelOf(state: PowerState, version: RoomVersion, userId: UserId): number {
  const creator = isCreator(state, version, userId);
  if (creator && version.privilegedCreators) return Number.POSITIVE_INFINITY;
  if (state.powerLevels === undefined) return creator ? CREATOR_LEVEL : DEFAULT_LEVELS.users_default;
  const own = levelOf(fieldOf(fieldOf(state.powerLevels.content, 'users'), userId), version);
  return own ?? requiredLevel(state, version, 'users_default');
}

/**
 * Returns the level that the power levels event sets for one of the keys in `Level`, such as `kick`. If the event does not set
 * this level, returns its default.
 */
export function requiredLevel({ powerLevels }: PowerState, version: RoomVersion, action: Level): number {
  return levelOf(fieldOf(powerLevels?.content, action), version) ?? DEFAULT_LEVELS[action];
}

/**
 * Returns the power level that is required to send an event of the given type.
 * @param options `isState` tells whether the event is a state event
 */
export function requiredLevelToSend(
  state: PowerState,
  version: RoomVersion,
  { type, isState = false }: { readonly type: string; readonly isState?: boolean },
): number {
  const own = levelOf(fieldOf(fieldOf(state.powerLevels?.content, 'events'), type), version);
  return own ?? requiredLevel(state, version, isState ? 'state_default' : 'events_default');
}
