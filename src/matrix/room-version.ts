import { MatrixError } from '../errors.ts';

/** An event as servers send it: without `_room_version`, and with `event_id` in room versions 1 and 2 only. */
export type EventJson = Readonly<Record<string, unknown>>;

/** The rules in which room versions differ, as far as this project needs them. */
export interface RoomVersion {
  /** `random`: the sender chooses the id and includes it in the event. Otherwise, the id is the encoded reference hash. */
  readonly eventIds: 'random' | 'base64' | 'base64url';
  /** The room version that introduced the redaction rules in use. */
  readonly redaction: 1 | 6 | 8 | 9 | 11;
  /** Power levels may be strings. */
  readonly stringPowerLevels: boolean;
  /** The creator is `content.creator` of the create event. Otherwise, the creator is the event's sender. */
  readonly creatorInContent: boolean;
  /** Creators outrank every power level. The room id implies the create event, which is not listed in `auth_events`. */
  readonly privilegedCreators: boolean;
  /** `m.room.aliases` and redactions have rules of their own: up to version 5 and 2. */
  readonly aliasRules: boolean;
  readonly redactionRules: boolean;
  /** Changes of `notifications` in power levels are checked like those of `events`. */
  readonly checkedNotificationLevels: boolean;
  /** Users may knock: ask to be invited. */
  readonly knocking: boolean;
  /** Joins may be authorised by membership of another room. */
  readonly restrictedJoins: boolean;
  /** Users may knock on a room with restricted joins. */
  readonly knockRestrictedJoins: boolean;
  readonly stateResolution: '1' | '2' | '2.1';
}

const first: RoomVersion = {
  eventIds: 'random',
  redaction: 1,
  stringPowerLevels: true,
  creatorInContent: true,
  privilegedCreators: false,
  aliasRules: true,
  redactionRules: true,
  checkedNotificationLevels: false,
  knocking: false,
  restrictedJoins: false,
  knockRestrictedJoins: false,
  stateResolution: '1',
};
const second: RoomVersion = { ...first, stateResolution: '2' };
const third: RoomVersion = { ...second, eventIds: 'base64', redactionRules: false };
const fourth: RoomVersion = { ...third, eventIds: 'base64url' };
const sixth: RoomVersion = { ...fourth, redaction: 6, aliasRules: false, checkedNotificationLevels: true };
const seventh: RoomVersion = { ...sixth, knocking: true };
const eighth: RoomVersion = { ...seventh, redaction: 8, restrictedJoins: true };
const ninth: RoomVersion = { ...eighth, redaction: 9 };
const tenth: RoomVersion = { ...ninth, stringPowerLevels: false, knockRestrictedJoins: true };
const eleventh: RoomVersion = { ...tenth, redaction: 11, creatorInContent: false };

/** Matrix specification, "Room Versions". */
const ROOM_VERSIONS: ReadonlyMap<string, RoomVersion> = new Map([
  ['1', first],
  ['2', second],
  ['3', third],
  ['4', fourth],
  ['5', fourth],
  ['6', sixth],
  ['7', seventh],
  ['8', eighth],
  ['9', ninth],
  ['10', tenth],
  ['11', eleventh],
  ['12', { ...eleventh, privilegedCreators: true, stateResolution: '2.1' }],
]);

/** The rules of a room version. @throws MatrixError `M_UNKNOWN` with status 400 for an unknown room version */
export function roomVersionOf(id: string): RoomVersion {
  const version = ROOM_VERSIONS.get(id);
  if (version === undefined) throw new MatrixError('M_UNKNOWN', 'unsupported room version', { status: 400 });
  return version;
}

/** Whether a room version is known. */
export function isRoomVersion(id: unknown): boolean {
  return typeof id === 'string' && ROOM_VERSIONS.has(id);
}
