/**
 * The public entry `koa-matrix-admin/homeserver`: the parts from which a homeserver on Dendrite's tables can be built.
 * `admin.rooms` of the plugin writes the events of local users. The functions here do other work of a homeserver: they receive
 * events and invites of other servers, let users join rooms of other servers, create accounts, log devices out, and read
 * Dendrite's tables. A function that writes takes the caller's transaction. After the commit, the caller must tell waiting
 * clients and the federation sender what has changed.
 */
export { ACCOUNT_TYPE } from '../accounts/account-type.ts';
export { addressWithoutPort } from '../accounts/address-without-port.ts';
export { checkPassword } from '../accounts/check-password.ts';
export { checkUsername } from '../accounts/check-username.ts';
export { createAccount } from '../accounts/create-account.ts';
export { logOut } from '../accounts/log-out.ts';
export { defaultPushRules } from '../accounts/push-rules.ts';
export { renameDevice } from '../accounts/rename-device.ts';
export { tellDeviceList } from '../accounts/tell-device-list.ts';
export { describeError, errorFields } from '../errors.ts';
export { streamPositionOf, tokenAfter, tokenBefore } from '../operations/rooms/pagination-token.ts';
export { DEFAULT_POWER_LEVELS } from '../rooms/default-power-levels.ts';
export { enterRoom } from '../rooms/enter-room.ts';
export { fetchState } from '../rooms/fetch-state.ts';
export { readGovernance } from '../rooms/governance.ts';
export { joinOf } from '../rooms/join-draft.ts';
export { receiveEvent } from '../rooms/receive-event.ts';
export { rejectRemoteInvite } from '../rooms/reject-remote-invite.ts';
export { type ReceivedInvite, storeRemoteInvite } from '../rooms/store-remote-invite.ts';
export { type ChainSettings } from '../rooms/written-chain.ts';
export { explainFailure } from '../storage/explain-failure.ts';
export { enqueueEdus } from '../storage/federation/queue.ts';
export { findEvent, readDeepest, readEvents, type StoredEvent } from '../storage/roomserver/events.ts';
export { findRoomOfUser, type Membership } from '../storage/roomserver/membership.ts';
export { publishRoom } from '../storage/roomserver/room-directory.ts';
export { findRoom, lockRoom, type StoredRoom } from '../storage/roomserver/rooms.ts';
export { readStateAt } from '../storage/roomserver/state-at-event.ts';
export { type IdentifiedEvent, listCurrentState } from '../storage/syncapi/current-state.ts';
export { type NamedState, readNamedState, textOf } from '../storage/syncapi/named-state.ts';
export { findPlacedEvent, listTimeline, type PlacedEvent, type TimelinePage } from '../storage/syncapi/timeline.ts';
export { upsertAccountData } from '../storage/userapi/account-data.ts';
export { findAccountType, isAccount } from '../storage/userapi/accounts.ts';
export { readDevices } from '../storage/userapi/devices.ts';
export { findProfile, findProfiles, type Profile, updateProfile } from '../storage/userapi/profiles.ts';
export { withTimeLimit } from '../with-time-limit.ts';
