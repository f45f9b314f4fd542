export type { AccountCapabilities, AccountRestrictions, Accounts } from './accounts/accounts.ts';
export type { RegistrationTokens } from './accounts/registration-tokens.ts';
export type { AdminPluginOptions } from './config.ts';
export { type ErrorCode, FederationError, type FederationFailure, MatrixError, type OwnErrorCode } from './errors.ts';
export type {
  AppliedEvent,
  Appservice,
  Caches,
  FederationRequest,
  FederationRequestOptions,
  FederationSender,
  Host,
  Logger,
  Notifier,
  RemoteDevices,
  RemoteState,
  ServerKey,
  SigningKey,
} from './host.ts';
export type { RoomId, ServerName, UserId } from './ids.ts';
export { type EventId, isEventId, isRoomId, isServerName, isUserId } from './ids.ts';
export type { Jobs, JobView } from './jobs/jobs.ts';
export { eventId, roomId, serverName, userId } from './make-ids.ts';
export type { Actor } from './operations/actor.ts';
export type { JobOperationName, OperationInput, OperationName, OperationOutput } from './operations/operations.ts';
export {
  type AfterEvent,
  type BeforeEvent,
  type Denial,
  deny,
  type HookOptions,
  type Hooks,
} from './pipeline/hooks.ts';
export type { OperationFunctions } from './pipeline/operation-functions.ts';
export type { Caller } from './pipeline/run-operation.ts';
export { type AdminPlugin, createAdminPlugin } from './plugin.ts';
export type { RoomEventDraft } from './rooms/event-chain.ts';
export type { Appended, NewRoom } from './rooms/room-writer.ts';
export type { RoomAdmission, Rooms } from './rooms/rooms.ts';
export type { Search, SearchRequest, SearchResult } from './search/search.ts';
export type { SearchAdapter, SearchHit, SearchIndex, SearchKey, SearchOrder } from './search/search-index.ts';
