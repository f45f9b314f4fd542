import { isUserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { JudgedEvent } from './auth-state.ts';
import { DEFAULT_LEVELS, isCreator, levelOf, type PowerState, powerLevelOf } from './power-levels.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

type Levels = ReadonlyMap<string, number | undefined>;

const recordAt = (content: EventJson, key: string): EventJson => {
  const value = Object.hasOwn(content, key) ? content[key] : undefined;
  return isRecord(value) ? value : {};
};

/**
 * Applies the authorisation rules to a power levels event. The content must have the form that the room version requires. If
 * the room already has power levels, the sender cannot set, change or remove a level above their own, and cannot change the
 * level of another user who has the same level.
 * @returns `undefined` if the event is allowed, else the reason why it is not
 */
export function authorisePowerLevels(
  { content, sender }: JudgedEvent,
  power: PowerState,
  version: RoomVersion,
): string | undefined {
  const malformed = wrongIn(content, power, version);
  if (malformed !== undefined) return malformed;
  const before = isRecord(power.powerLevels?.content) ? power.powerLevels.content : undefined;
  if (before === undefined) return undefined;

  const own = powerLevelOf(power, version, sender);
  const levelsOf = (source: EventJson, keys: readonly string[]): Levels =>
    new Map(keys.map((key) => [key, Object.hasOwn(source, key) ? levelOf(source[key], version) : undefined]));
  const changes = (key: string | undefined): [name: string, was: number | undefined, is: number | undefined][] => {
    const [old, now] = key === undefined ? [before, content] : [recordAt(before, key), recordAt(content, key)];
    const names = key === undefined ? Object.keys(DEFAULT_LEVELS) : [...Object.keys(old), ...Object.keys(now)];
    const [was, is] = [levelsOf(old, names), levelsOf(now, names)];
    return [...new Set(names)].flatMap((name) =>
      was.get(name) === is.get(name) ? [] : [[name, was.get(name), is.get(name)]],
    );
  };

  const checked = [undefined, 'events', ...(version.checkedNotificationLevels ? ['notifications'] : [])];
  const tooHigh = checked.flatMap(changes).some(([, was = -Infinity, is = -Infinity]) => was > own || is > own);
  if (tooHigh) return 'a level above the own level is changed or set';
  const users = changes('users');
  if (users.some(([, , is = -Infinity]) => is > own)) return 'a user would get a higher level than the sender has';
  const takesFromPeer = users.some(([user, was = -Infinity]) => user !== sender && was >= own);
  return takesFromPeer ? 'the level of a user with the same level as the sender is changed' : undefined;
}

/**
 * Returns the reason why the room version forbids this content for every sender. Returns `undefined` if the room version allows
 * the content.
 */
function wrongIn(content: EventJson, power: PowerState, version: RoomVersion): string | undefined {
  // Up to room version 9, servers check only the levels in `users`. If another level is malformed, it counts as absent.
  const groups = ['users', ...(version.stringPowerLevels ? [] : ['events', 'notifications'])];
  const isObject = (key: string): boolean => !Object.hasOwn(content, key) || isRecord(content[key]);
  if (!groups.every(isObject)) return 'power levels are not grouped in objects';
  const single = version.stringPowerLevels ? [] : Object.keys(DEFAULT_LEVELS);
  const levels = [
    ...single.flatMap((key) => (Object.hasOwn(content, key) ? [content[key]] : [])),
    ...groups.flatMap((key) => Object.values(recordAt(content, key))),
  ];
  const isLevel = (value: unknown): boolean =>
    version.stringPowerLevels ? levelOf(value, version) !== undefined : Number.isSafeInteger(value);
  if (!levels.every(isLevel)) return 'a power level is not an integer';
  const users = Object.keys(recordAt(content, 'users'));
  if (!users.every(isUserId)) return 'a power level is given to an invalid user id';
  const namesCreator =
    version.privilegedCreators && users.some((user) => isUserId(user) && isCreator(power, version, user));
  return namesCreator ? 'a power level is given to a creator' : undefined;
}
