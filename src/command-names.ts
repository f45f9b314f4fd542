import type { OperationName } from './operations/operations.ts';

/**
 * The keys are words in names of operations, in singular. The values are groups of commands. A command is in the group of the
 * first such word in its operation's name, in singular or plural. It is in the group `server` if there is no such word. Names
 * in `NAMES` take precedence.
 */
const GROUPS: Readonly<Record<string, string>> = {
  room: 'room',
  user: 'user',
  device: 'device',
  job: 'jobs',
  approval: 'approvals',
  destination: 'federation',
  federation: 'federation',
  notice: 'notice',
  bulk: 'bulk',
  media: 'media',
  report: 'report',
  token: 'token',
};

/** Names of commands that are easier to guess than names made from the operations' names. */
const NAMES: Readonly<Partial<Record<OperationName, string>>> = {
  emptyRooms: 'room list-empty',
  largestRooms: 'room largest',
  getRoom: 'room show',
  roomInfo: 'room info',
  getRoomState: 'room state',
  listRoomMembers: 'room members',
  listRoomMessages: 'room messages',
  getRoomHierarchy: 'room hierarchy',
  downloadState: 'room download-state',
  getEventContext: 'room event-context',
  findEventByTime: 'room find-event-by-time',
  fetchEvent: 'room fetch-event',
  listForwardExtremities: 'room forward-extremities',
  mergeForwardExtremities: 'room merge-forward-extremities',
  getBlockedRoom: 'room show-block',
  purgeHistory: 'room purge-history',
  getHistoryPurge: 'room show-history-purge',
  purgeExpiredHistory: 'room purge-expired-history',
  resetPassword: 'user reset-password',
  exportUser: 'user export',
  readUserExport: 'user show-export',
  whois: 'user whois',
  listMemberships: 'user memberships',
  listJoinedRooms: 'user joined-rooms',
  countJoinedRooms: 'user count-joined-rooms',
  countSentInvites: 'user count-sent-invites',
  listPushers: 'user pushers',
  getAccountData: 'user account-data',
  checkUsernameAvailable: 'user check-username',
  findUserByThreepid: 'user find-by-threepid',
  findUserByExternalId: 'user find-by-external-id',
  renewAccount: 'user renew',
  getExperimentalFeatures: 'user show-features',
  setExperimentalFeatures: 'user set-features',
  allowCrossSigningReplacement: 'user allow-cross-signing-replacement',
  getUserRateLimit: 'user show-rate-limit',
  listMediaOfUsers: 'user media',
  getRegistrationNonce: 'register nonce',
  registerBySharedSecret: 'register by-shared-secret',
  createRegistrationToken: 'token create',
  listRegistrationTokens: 'token list',
  getRegistrationToken: 'token show',
  updateRegistrationToken: 'token update',
  deleteRegistrationToken: 'token delete',
  checkRegistrationToken: 'token check',
  listEventReports: 'report list',
  getEventReport: 'report show',
  setEventReportStatus: 'report set-status',
  deleteEventReport: 'report delete',
  listUserReports: 'user-report list',
  getUserReport: 'user-report show',
  setUserReportStatus: 'user-report set-status',
  deleteUserReport: 'user-report delete',
  listRoomReports: 'room-report list',
  getRoomReport: 'room-report show',
  setRoomReportStatus: 'room-report set-status',
  deleteRoomReport: 'room-report delete',
  reportEvent: 'report event',
  reportUser: 'report user',
  reportRoom: 'report room',
  listDestinationRooms: 'federation rooms',
  resetConnection: 'federation reset-connection',
  sendServerNotice: 'notice send',
  sendServerNotices: 'notice send-to-many',
  reindexFulltext: 'reindex',
  listAudit: 'audit list',
  serverVersion: 'server version',
  getSearchIndex: 'search show-index',
  getOpenApiDocument: 'server openapi',
};

/** A further command for an operation. It presets, leaves out or requires some of the operation's parameters. */
interface Shorthand {
  readonly operation: OperationName;
  /** The preset parameters and their values. */
  readonly preset: Readonly<Record<string, unknown>>;
  /** The description of the command. */
  readonly text: string;
  /** Parameters of the operation that the command does not have. */
  readonly without?: readonly string[];
  /** Parameters that the command requires, although the operation does not require them. */
  readonly required?: readonly string[];
}

/** Further commands, by name, that are easier to find or to type than the operation's own command. */
export const SHORTHANDS: Readonly<Record<string, Shorthand>> = {
  'user create': {
    operation: 'setUser',
    preset: {},
    text: 'Creates a user, or changes the user that exists. Asks for the password.',
    without: ['deactivated', 'locked', 'suspended', 'shadowBanned', 'logoutDevices', 'externalIds', 'approved'],
    required: ['password'],
  },
  'user suspend': { operation: 'setUserSuspended', preset: { suspended: true }, text: 'Suspends a user.' },
  'user unsuspend': {
    operation: 'setUserSuspended',
    preset: { suspended: false },
    text: 'Ends the suspension of a user.',
  },
  'user lock': { operation: 'setUserLocked', preset: { locked: true }, text: 'Locks a user.' },
  'user unlock': { operation: 'setUserLocked', preset: { locked: false }, text: 'Unlocks a user.' },
  'user shadow-ban': { operation: 'setUserShadowBanned', preset: { shadowBanned: true }, text: 'Shadow-bans a user.' },
  'user unshadow-ban': {
    operation: 'setUserShadowBanned',
    preset: { shadowBanned: false },
    text: 'Ends the shadow ban of a user.',
  },
  'room publish': {
    operation: 'setRoomPublished',
    preset: { published: true },
    text: 'Puts a room into the room directory.',
  },
  'room unpublish': {
    operation: 'setRoomPublished',
    preset: { published: false },
    text: 'Takes a room out of the room directory.',
  },
  'approvals approve': {
    operation: 'decideApproval',
    preset: { decision: 'approve' },
    text: 'Approves what another administrator wants to do.',
  },
  'approvals deny': {
    operation: 'decideApproval',
    preset: { decision: 'deny' },
    text: 'Refuses what another administrator wants to do.',
  },
  'report resolve': {
    operation: 'setEventReportStatus',
    preset: { status: 'resolved' },
    text: 'Marks the report of an event as resolved.',
  },
};

/** Defaults of commands for parameters that have no default in the operation. */
export const COMMAND_DEFAULTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'user set-admin': { admin: true },
  'user redact-events': { rooms: [] },
};

/** Examples of commands. `--help` shows them instead of a generated example. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  'room purge': ["room purge '!id:example.org' --evacuate --block", "room purge '!id:example.org' --dry-run"],
  'room list': ['room list --order-by joined_members --direction b --limit 20', 'room list --search-term lobby'],
  'user list': ['user list --name alice', 'user list --admins --deactivated include'],
  'user create': [
    'user create @alice:example.org --display-name Alice',
    'user create @alice:example.org --password-file password.txt',
  ],
  'user reset-password': [
    'user reset-password @alice:example.org --logout-devices',
    'user reset-password @alice:example.org --password-file password.txt',
  ],
  'user set-admin': ['user set-admin @alice:example.org', 'user set-admin @alice:example.org --no-admin'],
  reindex: ['reindex', 'reindex --no-wait'],
  'notice send': ["notice send @alice:example.org --message 'The server restarts at noon.'"],
  'notice send-to-many': [
    "notice send-to-many --message 'The server restarts at noon.'",
    "notice send-to-many --user-ids @alice:example.org --message 'Hello'",
  ],
  'bulk plan': [
    'bulk plan deactivateUser --user-ids-from users.txt',
    'bulk plan purgeRoom --room-filter \'{"emptyRooms":true}\' --options \'{"block":true}\'',
  ],
  'token create': ['token create', 'token create --uses-allowed 1 --expiry-time 2030-01-31'],
  'audit list': ['audit list --since 2030-01-31 --outcome refused'],
};

/** Returns the name of an operation's command. */
export function commandNameOf(operation: OperationName): string {
  const [verb = '', ...rest] = operation.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
  const words = [verb === 'get' ? 'show' : verb, ...rest];
  const at = words.findIndex((word) => groupOf(word) !== undefined);
  const group = groupOf(words[at] ?? '') ?? 'server';
  return NAMES[operation] ?? `${group} ${words.filter((_, index) => index !== at).join('-')}`;
}

const groupOf = (word: string): string | undefined => GROUPS[word] ?? GROUPS[word.replace(/s$/, '')];
