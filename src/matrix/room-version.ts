import { MatrixError } from '../errors.ts';

/**
 * The JSON of an event, as servers send it to each other. It does not contain Dendrite's own field `_room_version`. It contains
 * an `event_id` only in room versions 1 and 2.
 */
export type EventJson = Readonly<Record<string, unknown>>;

/** The rules in which room versions differ, as far as this project needs them. */
export interface RoomVersion {
  /**
   * `random` means that the sender chooses the event id and includes it in the event. Otherwise, the id is the reference hash
   * in this encoding.
   */
  readonly eventIds: 'random' | 'base64' | 'base64url';
  /** The room version that introduced the redaction rules that this version uses. */
  readonly redaction: 1 | 6 | 8 | 9 | 11;
  /** Whether power levels may be strings. */
  readonly stringPowerLevels: boolean;
  /**
   * Whether the field `content.creator` of the create event names the creator. Otherwise, the sender of the create event is the
   * creator.
   */
  readonly creatorInContent: boolean;
  /**
   * Whether creators have more power than any power level. In such room versions, events do not list the create event in
   * `auth_events`, because the room id identifies it.
   */
  readonly privilegedCreators: boolean;
  /** Whether the authorisation rules have a special rule for `m.room.aliases` events. They have it up to version 5. */
  readonly aliasRules: boolean;
  /** Whether the authorisation rules have a special rule for redactions. They have it up to version 2. */
  readonly redactionRules: boolean;
  /** Whether servers check changes of `notifications` in power levels like changes of `events`. */
  readonly checkedNotificationLevels: boolean;
  /** Whether users may knock, which means to ask for an invite. */
  readonly knocking: boolean;
  /** Whether a room's join rules can allow the members of another room to join. */
  readonly restrictedJoins: boolean;
  /** Whether users may knock on a room in which joins are restricted to members of other rooms. */
  readonly knockRestrictedJoins: boolean;
  /** Version number that the specification gives to the state resolution algorithm. */
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

/** The known room versions. Source: Matrix specification, "Room Versions". */
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

/** Returns the rules of a room version. @throws MatrixError `M_UNKNOWN` with status 400 if the room version is unknown */
export function roomVersionOf(id: string): RoomVersion {
  const version = ROOM_VERSIONS.get(id);
  if (version === undefined) throw new MatrixError('M_UNKNOWN', 'unsupported room version', { status: 400 });
  return version;
}

/** Tells whether a room version is known. */
export function isRoomVersion(id: unknown): boolean {
  return typeof id === 'string' && ROOM_VERSIONS.has(id);
}
