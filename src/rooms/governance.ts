import { isUserId, splitUserId, type UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import { type StateKey, stateName } from '../matrix/auth-events.ts';
import { type PowerState, powerLevelOf } from '../matrix/power-levels.ts';
import { type EventJson, type RoomVersion, roomVersionOf } from '../matrix/room-version.ts';
import type { Db } from '../storage/database.ts';
import { listJoinedAmong, listMembers } from '../storage/roomserver/membership.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import type { RoomStates } from './room-states.ts';

/** The creators and power levels of a room. */
export interface Governance {
  readonly version: RoomVersion;
  readonly power: PowerState;
  /** The room's creators, and the users whom the power levels event names. */
  readonly userIds: readonly UserId[];
  /** Returns the power level of a user in the room. */
  readonly levelOf: (userId: UserId) => number;
}

/** Type and state key of the state events that contain the creators and the power levels. */
const KEYS: readonly StateKey[] = [
  ['m.room.create', ''],
  ['m.room.power_levels', ''],
];

/** Reads the creators and power levels from a room's current state. */
export async function readGovernance(states: RoomStates, db: Db, room: StoredRoom): Promise<Governance> {
  const { events } = await states.load(db, room.stateSnapshotNid, KEYS);
  const [create = {}, powerLevels] = KEYS.map((key) => events.get(stateName(...key))?.event);
  const version = roomVersionOf(room.version);
  const power = { create, powerLevels };
  return {
    version,
    power,
    userIds: namedUsers(power),
    levelOf: (userId) => powerLevelOf(power, version, userId),
  };
}

function namedUsers({ create, powerLevels }: PowerState): UserId[] {
  const { additional_creators: creators } = contentOf(create);
  const { users } = contentOf(powerLevels);
  const named: unknown[] = [
    ...Object.keys(isRecord(users) ? users : {}),
    create.sender,
    ...(Array.isArray(creators) ? (creators as unknown[]) : []),
  ];
  return [...new Set(named)].filter((name): name is UserId => typeof name === 'string' && isUserId(name));
}

const contentOf = (event: EventJson | undefined): EventJson => (isRecord(event?.content) ? event.content : {});

/**
 * Finds the joined user of a room who has the highest power level among the users of the given servers. Returns `undefined` if
 * no user of these servers is in the room.
 */
export async function findMostPowerful(
  db: Db,
  { roomNid }: StoredRoom,
  { userIds, levelOf }: Governance,
  serverNames: readonly string[],
): Promise<UserId | undefined> {
  const local = userIds.filter((userId) => serverNames.includes(splitUserId(userId).serverName));
  const named = await listJoinedAmong(db, roomNid, local);
  const filter = { memberships: ['join'], serverNames, except: local, limit: 1 } as const;
  const [other] = await listMembers(db, roomNid, filter);
  const candidates = [...named, ...(other === undefined ? [] : [other.userId])];
  // Since room version 12, creators have an infinite power level. The difference of two infinite levels is NaN, so the function
  // compares levels before it subtracts them.
  return candidates.sort((a, b) => (levelOf(a) === levelOf(b) ? 0 : levelOf(b) - levelOf(a)))[0];
}

/**
 * Finds a joined user of one of the given servers whose power level is at least `level`. Returns the preferred user if that
 * user qualifies, else the user with the highest level. Returns `undefined` if no such user has the required level.
 */
export async function findSender(
  db: Db,
  room: StoredRoom,
  governance: Governance,
  {
    serverNames,
    level,
    preferred,
  }: { readonly serverNames: readonly string[]; readonly level: number; readonly preferred?: UserId | undefined },
): Promise<UserId | undefined> {
  const hasLevel = (userId: UserId): boolean => governance.levelOf(userId) >= level;
  const [own] = preferred === undefined ? [] : await listJoinedAmong(db, room.roomNid, [preferred]);
  if (own !== undefined && hasLevel(own) && serverNames.includes(splitUserId(own).serverName)) return own;
  const most = await findMostPowerful(db, room, governance, serverNames);
  return most !== undefined && hasLevel(most) ? most : undefined;
}
