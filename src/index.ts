export type { AccountCapabilities, AccountStanding, Accounts } from './accounts/accounts.ts';
export type { RegistrationTokens } from './accounts/registration-tokens.ts';
export type { AddressLimit, AdminPluginOptions } from './config.ts';
export {
  type ErrorCode,
  FederationError,
  type FederationFailure,
  MatrixError,
  type OwnErrorCode,
  ParameterError,
} from './errors.ts';
export type {
  AppliedEvent,
  ApplyEvents,
  Appservice,
  Caches,
  DestinationRetry,
  Events,
  FederationRequest,
  FederationRequestOptions,
  FederationSender,
  Host,
  Logger,
  MediaFile,
  MediaFilePage,
  MediaStore,
  MediaThumbnail,
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
export type { ClientEvent } from './matrix/client-event.ts';
export type { MediaKey } from './matrix/media-uris.ts';
export type { Media, MediaStanding } from './media/media.ts';
export type { Actor } from './operations/actor.ts';
export type { ApprovableOperation } from './operations/approvable-operations.ts';
export type { BulkPlan } from './operations/bulk/plan-bulk.ts';
export type { BulkResult, BulkView } from './operations/bulk/run-bulk.ts';
export type { MediaCheck, MediaProblem } from './operations/media/check-media.ts';
export type { PurgedMedia } from './operations/media/delete-media.ts';
export type { DeletedMediaIds, DeletionCounts } from './operations/media/deleted-media.ts';
export type { MediaUses } from './operations/media/get-media-uses.ts';
export type { Quarantined } from './operations/media/quarantine.ts';
export type { ModeratedRoom, RoomDeletionStatus } from './operations/moderation/moderated-rooms.ts';
export type {
  DryRunMark,
  JobOperationName,
  OperationInput,
  OperationName,
  OperationOutput,
} from './operations/operations.ts';
export type { Registered } from './operations/registration/register-by-shared-secret.ts';
export type { AbandonedRoomsPurge, AbandonedRoomView } from './operations/rooms/abandoned-rooms.ts';
export type { StateDownload } from './operations/rooms/download-state.ts';
export type { EvacuatedMembers, Failure } from './operations/rooms/evacuate-members.ts';
export type { EventContext } from './operations/rooms/get-event-context.ts';
export type { HierarchyRoom } from './operations/rooms/get-room-hierarchy.ts';
export type { HistoryPurgeStatus } from './operations/rooms/history-purges.ts';
export type { RoomMessages } from './operations/rooms/list-room-messages.ts';
export type { PurgedHistory } from './operations/rooms/purge-history.ts';
export type { ExpiredHistoryPurge } from './operations/rooms/retention.ts';
export type { RoomDeletion, RoomShutdown } from './operations/rooms/room-deletions.ts';
export type { BackgroundUpdate, BackgroundUpdates } from './operations/server/background-updates.ts';
export type { Task } from './operations/server/list-tasks.ts';
export type { ComparedSummaries, RebuiltSummaries } from './operations/server/rebuild-summaries.ts';
export type { LargestRooms } from './operations/statistics/largest-rooms.ts';
export type { AccountDataOfUser } from './operations/users/account-data.ts';
export type { Deactivation } from './operations/users/deactivate-user.ts';
export type { ErasedData } from './operations/users/erase-data.ts';
export type { Evacuation } from './operations/users/evacuate-user.ts';
export type { ExportedUser, UserExport } from './operations/users/export-user.ts';
export type { UserDetails } from './operations/users/get-user.ts';
export type { RedactionFailure, UserRedaction } from './operations/users/redaction-outcome.ts';
export type { RefreshedDevices } from './operations/users/refresh-devices.ts';
export type { SetUser } from './operations/users/set-user.ts';
export type { UserRedactionStatus } from './operations/users/user-redactions.ts';
export type { Whois } from './operations/users/whois.ts';
export type { ApprovalRequest, Approvals } from './pipeline/approvals.ts';
export {
  type AfterEvent,
  type BeforeEvent,
  type Denial,
  deny,
  type HookOptions,
  type Hooks,
} from './pipeline/hooks.ts';
export type { JobStart, OperationFunctions, Startable } from './pipeline/operation-functions.ts';
export type { OperationEnd } from './pipeline/publish-operation.ts';
export type { Caller } from './pipeline/run-operation.ts';
export { type AdminPlugin, createAdminPlugin } from './plugin.ts';
export type { RoomOptions } from './room-options.ts';
export type { RefusedDraft, RoomEventDraft } from './rooms/event-chain.ts';
export type { Purged } from './rooms/purge/purge-hidden-room.ts';
export type { RoomStates } from './rooms/room-states.ts';
export type { Appended, AppendedEvent, NewRoom, StateReplacement } from './rooms/room-writer.ts';
export type { RoomAdmission, Rooms } from './rooms/rooms.ts';
export type { SearchAnalysis } from './search/analysis/analysis.ts';
export type { SearchExpression } from './search/analysis/expression.ts';
export type { LanguageCode } from './search/analysis/languages.ts';
export type { Reindexed } from './search/reindex-job.ts';
export type { Search, SearchRequest, SearchResult } from './search/search.ts';
export type { SearchAdapter, SearchHit, SearchIndex, SearchKey, SearchOrder } from './search/search-index.ts';
export type { SearchStatus } from './search/search-parts.ts';
export type { Destination } from './storage/federation/destinations.ts';
export type { RoomSize } from './storage/largest-rooms.ts';
export type { MediaPlace } from './storage/media-names.ts';
export type { StoredMedia, StoredThumbnail } from './storage/mediaapi/media.ts';
export type { MediaOfUser } from './storage/mediaapi/media-of-users.ts';
export type { ExperimentalFeature, RateLimit } from './storage/plugin/account-attributes.ts';
export type { Approval } from './storage/plugin/approvals.ts';
export type { StoredAuditEntry } from './storage/plugin/audit.ts';
export type { BlockedRoom } from './storage/plugin/blocked-rooms.ts';
export type { Departure } from './storage/plugin/departures.ts';
export type { QuarantineChange } from './storage/plugin/media-standings.ts';
export type { Report, RoomReport } from './storage/plugin/reports.ts';
export type { JobState } from './storage/plugin/stored-job.ts';
export type { EventReport, EventReportWithEvent } from './storage/roomserver/event-reports.ts';
export type { ForwardExtremity } from './storage/roomserver/forward-extremities.ts';
export type { MembershipCounts, RoomInfo } from './storage/roomserver/room-info.ts';
export type { RoomDetails, RoomSummary } from './storage/roomserver/room-summaries.ts';
export type { UserRecord } from './storage/user-records.ts';
export type { Device } from './storage/userapi/devices.ts';
export type { Pusher } from './storage/userapi/pushers.ts';
export type { RegistrationToken } from './storage/userapi/registration-tokens.ts';
export type { Threepid } from './storage/userapi/threepids.ts';
export type { User } from './storage/userapi/users.ts';
