/**
 * The public entry `koa-matrix-admin/matrix`: rules of the Matrix specification as pure functions. A homeserver uses them to
 * build, sign and check events as the plugin does.
 */
export { isRoomAlias, type RoomAlias, splitUserId, userIdOf } from '../ids.ts';
export { isRecord, toJson } from '../json.ts';
export { authEventKeys, authStateKeys, stateName } from './auth-events.ts';
export { membershipOf } from './auth-state.ts';
export { authorise } from './authorise.ts';
export { referencesTo } from './build-event.ts';
export { canonicalJson } from './canonical-json.ts';
export { type CheckedEvent, checkEvent, signersOf } from './check-event.ts';
export { completeEvent } from './complete-event.ts';
export { unpaddedBase64 } from './event-hash.ts';
export { eventIdOf } from './event-id.ts';
export { type PowerState, powerLevelOf, requiredLevel, requiredLevelToSend } from './power-levels.ts';
export { type EventJson, type RoomVersion, roomVersionOf } from './room-version.ts';
export { hasValidEventSignature, privateKeyOf, publicKeyOf, signEvent } from './sign-event.ts';
export { hasValidSignature, signatureOf, signaturesOf, signJson } from './sign-json.ts';
