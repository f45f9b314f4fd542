/**
 * The answers of the admin API over HTTP, by operation. Made by `npm run docs` from the schemas of docs/openapi.json.
 */
export interface Answers {
  readonly listAbandonedRooms: {
    readonly rooms: readonly AbandonedRoomView[];
    readonly next_token?: string;
  };
  readonly purgeAbandonedRooms: {
    /** Number of rooms that this run has recorded. A run records a room if it is the first run that finds the room without local users. */
    readonly announced: number;
    /** Ids of the rooms that were purged. In a dry run, ids of the rooms that would be purged. */
    readonly purged: readonly string[];
    /** Rooms that were not purged, and the reasons. For example, a hook may have refused the purge. */
    readonly failed?: readonly Failure[];
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly evacuateRoom: {
    /** Ids of the users who have left, rejected their invite or withdrawn their knock. The order is that of their last member events before. */
    readonly affected: readonly string[];
    readonly failed?: readonly Failure[];
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly downloadState: {
    readonly added?: number;
    readonly removed?: number;
    /** Number of events from the other server that the job has left out because they are malformed, lack a valid signature, or are not allowed. */
    readonly left_out?: number;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly emptyRooms: {
    readonly empty_rooms: readonly string[];
    readonly next_token?: string;
  };
  readonly roomInfo: RoomInfo;
  readonly purgeRoom: {
    readonly dry_run?: true;
    readonly deleted?: Readonly<Record<string, number>>;
    readonly evacuated?: number;
    readonly failed?: readonly ({
      readonly id: string;
      readonly reason: string;
    })[];
    readonly undelivered?: readonly string[];
    readonly media?: DeletionCounts;
  } | StartedJob;
  readonly purgeHistory: {
    readonly purge_id: string;
  } | {
    /** Number of events that have left the timeline. In a dry run, the number of events that would leave the timeline. */
    readonly purged: number;
    /** How many of the events in `purged` were sent by local users. */
    readonly local: number;
    /** Number of deleted rows by table. Empty in a dry run. */
    readonly deleted: Readonly<Record<string, number>>;
    /** How many media were deleted. Absent if the input field `media` is `keep`, and in a dry run. */
    readonly media?: DeletionCounts;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  };
  readonly getHistoryPurge: HistoryPurgeStatus;
  readonly purgeExpiredHistory: {
    /** Number of rooms whose history was purged. In a dry run, the number of rooms whose history would be purged. */
    readonly total: number;
    /** Ids of the rooms whose history was purged, at most 1,000. In a dry run, ids of the rooms whose history would be purged. */
    readonly rooms: readonly string[];
    /** Number of rooms whose history could not be purged. */
    readonly failures: number;
    /** Rooms whose history could not be purged, and the reasons. For example, a hook may have refused the purge. At most the 1,000 newest failures. Absent if there are none. */
    readonly failed?: readonly Failure[];
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly deleteRoom: {
    /** Local users who have left, rejected an invite or withdrawn a knock, at most 10,000. */
    readonly kicked_users: readonly string[];
    /** Number of users who have left. Absent if `kicked_users` lists all of them. */
    readonly kicked_users_total?: number;
    readonly failed_to_kick_users: readonly string[];
    /** Local aliases that were moved to the new room. */
    readonly local_aliases: readonly string[];
    readonly new_room_id: string | null;
    /** How many media were deleted. Absent if no media were to be deleted, and before the deletion has ended. */
    readonly media?: DeletionCounts;
    /** Servers that had not received all leave events when the room was purged. These servers will never receive the events. */
    readonly undelivered?: readonly string[];
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly getRoomDeletion: RoomDeletion;
  readonly listRoomDeletions: {
    readonly results: readonly RoomDeletion[];
  };
  readonly listRooms: {
    readonly offset: number;
    readonly rooms: readonly RoomSummary[];
    readonly total_rooms: number;
    readonly next_batch?: number;
    readonly prev_batch?: number;
  };
  readonly getRoom: RoomDetails;
  readonly listRoomMembers: {
    readonly members: readonly string[];
    readonly total: number;
  };
  readonly getRoomState: {
    readonly state: readonly ClientEvent[];
  };
  readonly getEventContext: {
    readonly event: ClientEvent;
    /** State of the room after the last event in `eventsAfter`. If `eventsAfter` is empty, the state after `event`. */
    readonly state: readonly ClientEvent[];
    /** The next two fields are pagination tokens for `listRoomMessages`. `start` is the place before the first shown event. `end` is the place after the last shown event. */
    readonly start: string;
    readonly end: string;
    readonly events_before: readonly ClientEvent[];
    readonly events_after: readonly ClientEvent[];
  };
  readonly listRoomMessages: RoomMessages;
  readonly findEventByTime: {
    readonly event_id: string;
    readonly origin_server_ts: number;
  };
  readonly fetchEvent: {
    readonly event: Readonly<Record<string, unknown>>;
  };
  readonly getRoomHierarchy: {
    readonly rooms: readonly ({
      readonly children_state: readonly (Readonly<Record<string, unknown>>)[];
      readonly room_id: string;
      readonly room_version: string;
      readonly name?: string;
      readonly topic?: string;
      readonly canonical_alias?: string;
      readonly avatar_url?: string;
      readonly num_joined_members: number;
      readonly world_readable: boolean;
      readonly guest_can_join: boolean;
      readonly join_rule?: string;
      /** Ids of the rooms in the `allow` list of the join rules. Members of these rooms may join this room. */
      readonly allowed_room_ids?: readonly string[];
      readonly room_type?: string;
      readonly encryption?: string;
    })[];
    readonly next_batch?: string;
  };
  readonly listForwardExtremities: {
    readonly count: number;
    readonly results: readonly ({
      readonly event_id: string;
      readonly state_group: number;
      readonly depth: number;
      readonly received_ts: null;
    })[];
  };
  readonly mergeForwardExtremities: {
    readonly deleted: number;
  };
  readonly joinRoom: {
    readonly room_id: string;
  };
  readonly makeRoomAdmin: Readonly<Record<string, never>>;
  readonly setRoomPublished: {
    readonly published: boolean;
  };
  readonly evacuateUser: {
    readonly affected: readonly string[];
    /** Rooms that the user could not leave, and the reasons. Absent if there are none. */
    readonly failed?: readonly Failure[];
    /** Invites that were removed only on this homeserver, because the inviter's server could not be asked to reject the invite or has refused. Each entry has the room id and the reason. Absent if there are none. */
    readonly unreachable?: readonly Failure[];
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly refreshDevices: {
    /** Number of the user's devices whose keys are stored after the refresh. */
    readonly devices?: number;
    readonly removed?: number;
    /** Number of devices that were left out because their keys have no valid signature. Absent if it is 0. */
    readonly left_out?: number;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly resetPassword: {
    readonly password_updated: true;
  };
  readonly whois: {
    readonly user_id: string;
    readonly devices: Readonly<Record<string, {
      readonly sessions: readonly ({
        readonly connections: readonly ({
          readonly ip: string;
          readonly last_seen: number;
          readonly user_agent: string;
        })[];
      })[];
    }>>;
  } | {
    readonly user_id: string;
    readonly devices: {
      readonly '': {
        readonly sessions: readonly ({
          readonly connections: readonly ({
            readonly ip: string;
            readonly last_seen: number;
            readonly user_agent: string;
          })[];
        })[];
      };
    };
  };
  readonly listDevices: {
    readonly devices: readonly ({
      readonly user_id: string;
      readonly device_id: string;
      readonly display_name: string | null;
      readonly last_seen_user_agent: string | null;
      readonly last_seen_ts: number;
      readonly last_seen_ip: string | null;
    })[];
    readonly total: number;
  };
  readonly createDevice: Readonly<Record<string, never>>;
  readonly getDevice: {
    readonly user_id: string;
    readonly device_id: string;
    readonly display_name: string | null;
    readonly last_seen_user_agent: string | null;
    readonly last_seen_ts: number;
    readonly last_seen_ip: string | null;
  };
  readonly setDeviceName: Readonly<Record<string, never>>;
  readonly deleteDevices: {
    readonly deleted?: readonly string[];
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  };
  readonly listUsers: {
    readonly users: readonly ({
      readonly name: string;
      readonly user_type: 'bot' | 'support' | null;
      readonly is_guest: boolean;
      readonly admin: boolean;
      readonly deactivated: boolean;
      readonly shadow_banned: boolean;
      readonly displayname: string | null;
      readonly avatar_url: string | null;
      readonly erased: boolean;
      readonly last_seen_ts: number | null;
      readonly locked: boolean;
      readonly creation_ts: number;
    })[];
    readonly total: number;
    readonly next_token?: string;
  };
  readonly getUser: {
    readonly name: string;
    readonly user_type: 'bot' | 'support' | null;
    readonly is_guest: boolean;
    readonly admin: boolean;
    readonly deactivated: boolean;
    readonly shadow_banned: boolean;
    readonly displayname: string | null;
    readonly avatar_url: string | null;
    readonly erased: boolean;
    readonly last_seen_ts: number | null;
    readonly locked: boolean;
    readonly creation_ts: number;
    readonly appservice_id: string | null;
    readonly consent_server_notice_sent: null;
    readonly consent_version: null;
    readonly consent_ts: null;
    readonly suspended: boolean;
    readonly threepids: readonly ({
      readonly medium: string;
      readonly address: string;
      readonly validated_at: null;
      readonly added_at: null;
    })[];
    readonly media_count: number;
    readonly media_length: number;
    readonly external_ids: readonly unknown[];
  };
  readonly setUser: {
    readonly name: string;
    readonly user_type: 'bot' | 'support' | null;
    readonly is_guest: boolean;
    readonly admin: boolean;
    readonly deactivated: boolean;
    readonly shadow_banned: boolean;
    readonly displayname: string | null;
    readonly avatar_url: string | null;
    readonly erased: boolean;
    readonly last_seen_ts: number | null;
    readonly locked: boolean;
    readonly creation_ts: number;
    readonly appservice_id: string | null;
    readonly consent_server_notice_sent: null;
    readonly consent_version: null;
    readonly consent_ts: null;
    readonly suspended: boolean;
    readonly threepids: readonly ({
      readonly medium: string;
      readonly address: string;
      readonly validated_at: null;
      readonly added_at: null;
    })[];
    readonly media_count: number;
    readonly media_length: number;
    readonly external_ids: readonly unknown[];
  };
  readonly getUserAdmin: {
    readonly admin: boolean;
  };
  readonly setUserAdmin: Readonly<Record<string, never>>;
  readonly deactivateUser: {
    readonly id_server_unbind_result: 'success';
  } | {
    readonly affected: readonly string[];
    /** Rooms that the user could not leave, and the reasons. Absent if there are none. */
    readonly failed?: readonly Failure[];
    /** Invites that were removed only on this homeserver, because the inviter's server could not be asked to reject the invite or has refused. Each entry has the room id and the reason. Absent if there are none. */
    readonly unreachable?: readonly Failure[];
    /** How many media were deleted. Absent if the input field `media` is `keep`. */
    readonly media?: DeletionCounts;
    /** For each kind of data in `remove`, the number of redacted events or deleted rows. In a dry run, the numbers that would be redacted or deleted, for all kinds. Absent if the input field `erase` is `false`. */
    readonly removed?: {
      readonly account_data?: number;
      readonly key_backups?: number;
      readonly messages?: number;
      readonly profile?: number;
      readonly reports?: number;
    };
    /** Events that could not be redacted, by reason. Absent if there are none. */
    readonly not_redacted?: readonly ({
      readonly reason: string;
      readonly events: number;
    })[];
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | {
    readonly job_id: string;
  };
  readonly listJoinedRooms: {
    readonly joined_rooms: readonly string[];
    readonly total: number;
  };
  readonly listMemberships: {
    readonly memberships: Readonly<Record<string, 'ban' | 'invite' | 'join' | 'knock' | 'leave'>>;
  };
  readonly listPushers: {
    readonly pushers: readonly ({
      readonly app_display_name: string;
      readonly app_id: string;
      readonly data: unknown;
      readonly device_display_name: string;
      readonly kind: string;
      readonly lang: string;
      readonly profile_tag: string;
      readonly pushkey: string;
      readonly enabled: boolean;
      readonly device_id: string | null;
    })[];
    readonly total: number;
  };
  readonly getAccountData: {
    readonly account_data: AccountDataOfUser;
  };
  readonly countSentInvites: {
    readonly invite_count: number;
  };
  readonly countJoinedRooms: {
    readonly cumulative_joined_room_count: number;
  };
  readonly checkUsernameAvailable: {
    readonly available: true;
  };
  readonly findUserByThreepid: {
    readonly user_id: string;
  };
  readonly findUserByExternalId: {
    readonly user_id: string;
  };
  readonly searchUsers: readonly ({
    readonly name: string;
    readonly is_guest: boolean;
    readonly admin: boolean;
    readonly user_type: 'bot' | 'support' | null;
  })[];
  readonly renewAccount: never;
  readonly getUserRateLimit: {
    readonly messages_per_second?: number;
    /** Maximum number of messages that the user may send at once. */
    readonly burst_count?: number;
  };
  readonly setUserRateLimit: RateLimit;
  readonly deleteUserRateLimit: Readonly<Record<string, never>>;
  readonly getExperimentalFeatures: {
    readonly features: {
      readonly msc3575: boolean;
      readonly msc3881: boolean;
      readonly msc4222: boolean;
    };
  };
  readonly setExperimentalFeatures: Readonly<Record<string, never>>;
  readonly allowCrossSigningReplacement: {
    readonly updatable_without_uia_before_ms: number;
  };
  readonly loginAsUser: {
    readonly access_token: string;
  };
  readonly redactUserEvents: {
    readonly redact_id: string;
  } | {
    /** Number of events that were redacted. */
    readonly redacted: number;
    /** The events that were not redacted, grouped by reason. Absent if there are none. */
    readonly failed?: readonly RedactionFailure[];
    /** Number of media that were quarantined or deleted. Absent if the input field `media` is `keep`. */
    readonly media?: number;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  };
  readonly getUserRedaction: UserRedactionStatus;
  readonly exportUser: ExportedUser | StartedJob;
  readonly readUserExport: {
    readonly user_id: string;
    readonly records: readonly UserRecord[];
    readonly next_token?: string;
  };
  readonly getRegistrationNonce: {
    readonly nonce: string;
  };
  readonly registerBySharedSecret: {
    readonly user_id: string;
    readonly home_server: string;
    readonly access_token?: string;
    readonly device_id?: string;
  };
  readonly createRegistrationToken: RegistrationToken;
  readonly listRegistrationTokens: {
    readonly registration_tokens: readonly RegistrationToken[];
  };
  readonly getRegistrationToken: RegistrationToken;
  readonly updateRegistrationToken: RegistrationToken;
  readonly deleteRegistrationToken: Readonly<Record<string, never>>;
  readonly checkRegistrationToken: {
    readonly valid: boolean;
  };
  readonly listEventReports: {
    readonly event_reports: readonly ({
      readonly id: number;
      readonly received_ts: number;
      readonly room_id: string;
      readonly event_id: string;
      readonly user_id: string;
      readonly sender: string;
      readonly reason: string | null;
      readonly score: number | null;
      readonly name: string | null;
      readonly canonical_alias: string | null;
      readonly status: 'open' | 'resolved';
      readonly note: string | null;
      readonly status_changed_by: string | null;
      readonly status_changed_ts: number | null;
    })[];
    readonly total: number;
    readonly next_token?: number;
  };
  readonly getEventReport: {
    readonly id: number;
    readonly received_ts: number;
    readonly room_id: string;
    readonly event_id: string;
    readonly user_id: string;
    readonly sender: string;
    readonly reason: string | null;
    readonly score: number | null;
    readonly name: string | null;
    readonly canonical_alias: string | null;
    readonly status: 'open' | 'resolved';
    readonly note: string | null;
    readonly status_changed_by: string | null;
    readonly status_changed_ts: number | null;
    readonly event_json: Readonly<Record<string, unknown>> | null;
  };
  readonly setEventReportStatus: {
    readonly id: number;
    readonly received_ts: number;
    readonly room_id: string;
    readonly event_id: string;
    readonly user_id: string;
    readonly sender: string;
    readonly reason: string | null;
    readonly score: number | null;
    readonly name: string | null;
    readonly canonical_alias: string | null;
    readonly status: 'open' | 'resolved';
    readonly note: string | null;
    readonly status_changed_by: string | null;
    readonly status_changed_ts: number | null;
    readonly event_json: Readonly<Record<string, unknown>> | null;
  };
  readonly deleteEventReport: Readonly<Record<string, never>>;
  readonly listUserReports: {
    readonly user_reports: readonly ({
      readonly id: number;
      readonly received_ts: number;
      readonly user_id: string;
      readonly reason: string;
      readonly status: 'open' | 'resolved';
      readonly note: string | null;
      readonly status_changed_by: string | null;
      readonly status_changed_ts: number | null;
      readonly target_user_id: string;
    })[];
    readonly total: number;
    readonly next_token?: number;
  };
  readonly getUserReport: {
    readonly id: number;
    readonly received_ts: number;
    readonly user_id: string;
    readonly reason: string;
    readonly status: 'open' | 'resolved';
    readonly note: string | null;
    readonly status_changed_by: string | null;
    readonly status_changed_ts: number | null;
    readonly target_user_id: string;
  };
  readonly setUserReportStatus: {
    readonly id: number;
    readonly received_ts: number;
    readonly user_id: string;
    readonly reason: string;
    readonly status: 'open' | 'resolved';
    readonly note: string | null;
    readonly status_changed_by: string | null;
    readonly status_changed_ts: number | null;
    readonly target_user_id: string;
  };
  readonly deleteUserReport: Readonly<Record<string, never>>;
  readonly listRoomReports: {
    readonly room_reports: readonly ({
      readonly id: number;
      readonly received_ts: number;
      readonly user_id: string;
      readonly reason: string;
      readonly status: 'open' | 'resolved';
      readonly note: string | null;
      readonly status_changed_by: string | null;
      readonly status_changed_ts: number | null;
      readonly room_id: string;
      readonly name: string | null;
      readonly canonical_alias: string | null;
      readonly topic: string | null;
    })[];
    readonly total: number;
    readonly next_token?: number;
  };
  readonly getRoomReport: {
    readonly id: number;
    readonly received_ts: number;
    readonly user_id: string;
    readonly reason: string;
    readonly status: 'open' | 'resolved';
    readonly note: string | null;
    readonly status_changed_by: string | null;
    readonly status_changed_ts: number | null;
    readonly room_id: string;
    readonly name: string | null;
    readonly canonical_alias: string | null;
    readonly topic: string | null;
  };
  readonly setRoomReportStatus: {
    readonly id: number;
    readonly received_ts: number;
    readonly user_id: string;
    readonly reason: string;
    readonly status: 'open' | 'resolved';
    readonly note: string | null;
    readonly status_changed_by: string | null;
    readonly status_changed_ts: number | null;
    readonly room_id: string;
    readonly name: string | null;
    readonly canonical_alias: string | null;
    readonly topic: string | null;
  };
  readonly deleteRoomReport: Readonly<Record<string, never>>;
  readonly getUserSuspended: {
    readonly suspended: boolean;
  };
  readonly setUserSuspended: {
    readonly suspended: boolean;
  };
  readonly getUserLocked: {
    readonly locked: boolean;
  };
  readonly setUserLocked: {
    readonly locked: boolean;
  };
  readonly setUserShadowBanned: Readonly<Record<string, never>>;
  readonly listBlockedRooms: {
    readonly blocked_rooms: readonly ({
      readonly room_id: string;
      readonly reason: string | null;
      readonly blocked_by: string;
      readonly blocked_ts: number;
    })[];
    readonly next_token?: string;
  };
  readonly getBlockedRoom: {
    readonly room_id: string;
    readonly reason: string | null;
    readonly blocked_by: string;
    readonly blocked_ts: number;
  };
  readonly blockRoom: {
    readonly room_id: string;
    readonly reason: string | null;
    readonly blocked_by: string;
    readonly blocked_ts: number;
  };
  readonly unblockRoom: Readonly<Record<string, never>>;
  readonly getRoomBlocked: {
    readonly block: false;
  } | {
    readonly block: true;
    readonly user_id: string;
  };
  readonly setRoomBlocked: {
    readonly block: boolean;
  };
  readonly getModeratedRoom: ModeratedRoomBody;
  readonly getRoomDeletionStatus: {
    readonly users: readonly string[];
    readonly aliases: readonly string[];
    readonly progress: number;
    readonly eta: number;
    readonly done: boolean;
  };
  readonly listDestinations: {
    readonly destinations: readonly ({
      readonly destination: string;
      readonly retry_last_ts: number;
      readonly retry_interval: number;
      readonly failure_ts: number | null;
      readonly last_successful_stream_ordering: null;
      readonly queued_pdus: number;
      readonly queued_edus: number;
      readonly oldest_queued_ts: number | null;
      readonly blacklisted: boolean;
      readonly assumed_offline: boolean;
      readonly next_retry_ts: number | null;
    })[];
    readonly total: number;
    readonly next_token?: string;
  };
  readonly getDestination: {
    readonly destination: string;
    readonly retry_last_ts: number;
    readonly retry_interval: number;
    readonly failure_ts: number | null;
    readonly last_successful_stream_ordering: null;
    readonly queued_pdus: number;
    readonly queued_edus: number;
    readonly oldest_queued_ts: number | null;
    readonly blacklisted: boolean;
    readonly assumed_offline: boolean;
    readonly next_retry_ts: number | null;
  };
  readonly listDestinationRooms: {
    readonly rooms: readonly ({
      readonly room_id: string;
      readonly stream_ordering: null;
    })[];
    readonly total: number;
    readonly next_token?: string;
  };
  readonly resetConnection: Readonly<Record<string, never>>;
  readonly getMedia: {
    readonly media_info: {
      readonly media_id: string;
      readonly media_type: string;
      readonly media_length: number;
      readonly upload_name: string | null;
      readonly created_ts: number;
      readonly url_cache: null;
      readonly last_access_ts: null;
      readonly quarantined_by: string | null;
      readonly user_id: string | null;
      readonly authenticated: number;
      readonly sha256: string;
      readonly media_origin: string | null;
      readonly filesystem_id: null;
      readonly safe_from_quarantine: number;
    };
  };
  readonly getMediaUses: {
    readonly thumbnails: readonly StoredThumbnail[];
    /** URIs of other media with the same content, which share the file. */
    readonly same_content: readonly string[];
    /** The events, invites, profiles and account data that refer to the media, at most 1,000. */
    readonly uses: readonly ({
      readonly kind: 'event';
      readonly room_id: string;
      readonly event_id: string;
      readonly type: string;
    } | {
      readonly kind: 'invite';
      readonly room_id: string;
      readonly event_id: string;
    } | {
      readonly kind: 'profile';
      readonly user_id: string;
    } | {
      readonly kind: 'account_data';
      readonly user_id: string;
      readonly type: string;
    })[];
    /** Whether the media has more uses than `uses` lists. */
    readonly has_more: boolean;
    readonly media_info: {
      readonly media_id: string;
      readonly media_type: string;
      readonly media_length: number;
      readonly upload_name: string | null;
      readonly created_ts: number;
      readonly url_cache: null;
      readonly last_access_ts: null;
      readonly quarantined_by: string | null;
      readonly user_id: string | null;
      readonly authenticated: number;
      readonly sha256: string;
      readonly media_origin: string | null;
      readonly filesystem_id: null;
      readonly safe_from_quarantine: number;
    };
  };
  readonly listUserMedia: {
    readonly media: readonly ({
      readonly media_id: string;
      readonly media_type: string;
      readonly media_length: number;
      readonly upload_name: string | null;
      readonly created_ts: number;
      readonly url_cache: null;
      readonly last_access_ts: null;
      readonly quarantined_by: string | null;
      readonly user_id: string | null;
      readonly authenticated: number;
      readonly safe_from_quarantine: boolean;
      readonly sha256: string;
    })[];
    readonly total: number;
    readonly total_length: number;
    readonly next_token?: number;
  };
  readonly listRoomMedia: {
    readonly local: readonly string[];
    readonly remote: readonly string[];
    readonly total: number;
  };
  readonly setMediaQuarantined: Readonly<Record<string, never>>;
  readonly quarantineUserMedia: {
    readonly num_quarantined: number;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  };
  readonly quarantineRoomMedia: {
    readonly num_quarantined: number;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  };
  readonly setMediaProtected: Readonly<Record<string, never>>;
  readonly listQuarantineChanges: {
    readonly next_batch: number;
    readonly changes: readonly ({
      readonly origin: string;
      readonly media_id: string;
      readonly quarantined: boolean;
    })[];
  };
  readonly deleteMedia: {
    /** Ids of deleted media, at most 10,000. */
    readonly deleted_media: readonly string[];
    readonly total: number;
    /** Sum of the sizes of the deleted media, in bytes. */
    readonly total_length: number;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly deleteUserMedia: {
    /** Ids of deleted media, at most 10,000. */
    readonly deleted_media: readonly string[];
    readonly total: number;
    /** Sum of the sizes of the deleted media, in bytes. */
    readonly total_length: number;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly deleteRoomMedia: {
    /** Ids of deleted media, at most 10,000. */
    readonly deleted_media: readonly string[];
    readonly total: number;
    /** Sum of the sizes of the deleted media, in bytes. */
    readonly total_length: number;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly deleteOldMedia: {
    /** Ids of deleted media, at most 10,000. */
    readonly deleted_media: readonly string[];
    readonly total: number;
    /** Sum of the sizes of the deleted media, in bytes. */
    readonly total_length: number;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly purgeMediaCache: {
    /** Number of deleted media. */
    readonly deleted: number;
    /** Sum of the sizes of the deleted media, in bytes. */
    readonly total_length: number;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly checkMedia: {
    /** Number of checked rows of media and thumbnails. */
    readonly rows: number;
    /** Number of checked files. `null` if the host's store cannot list its files. The check then finds no files without rows. */
    readonly files: number | null;
    readonly rows_without_files: number;
    readonly files_without_rows: number;
    readonly differing_sizes: number;
    /** Number of repaired problems. */
    readonly repaired: number;
    /** The first 1,000 problems. */
    readonly problems: readonly MediaProblem[];
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly sendServerNotice: {
    readonly event_id: string;
  };
  readonly sendServerNotices: {
    readonly sent: number;
    readonly failures?: number;
    readonly failed?: readonly Failure[];
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | StartedJob;
  readonly reindexFulltext: {
    readonly job_id: string;
  };
  readonly getSearchIndex: SearchStatus;
  readonly listJobs: {
    readonly jobs: readonly JobView[];
    readonly next_token?: string;
  };
  readonly getJob: JobView;
  readonly cancelJob: JobView;
  readonly listAudit: {
    readonly entries: readonly ({
      readonly id: number;
      readonly ts: number;
      readonly operation: string;
      readonly outcome: 'cancelled' | 'failed' | 'ok' | 'queued' | 'refused';
      readonly actor: string;
      readonly target: string | null;
      readonly job_id: string | null;
      readonly errcode: string | null;
      readonly approval_id: string | null;
      readonly request_id: string;
      readonly address: string | null;
    })[];
    readonly next_token?: string;
  };
  readonly listApprovals: {
    readonly approvals: readonly Approval[];
    readonly next_token?: string;
  };
  readonly getApproval: Approval;
  readonly decideApproval: Approval;
  readonly serverVersion: {
    readonly server_version: string;
  };
  readonly getOpenApiDocument: Readonly<Record<string, unknown>>;
  readonly rebuildSummaries: {
    readonly rooms: ComparedSummaries;
    readonly users: ComparedSummaries;
    /** `true` if the call was a dry run, which has changed nothing. */
    readonly dry_run?: true;
  } | {
    readonly job_id: string;
  };
  readonly listTasks: {
    readonly scheduled_tasks: readonly Task[];
    readonly next_token?: string;
  };
  readonly getBackgroundUpdates: BackgroundUpdates;
  readonly setBackgroundUpdatesEnabled: {
    readonly enabled: boolean;
  };
  readonly startBackgroundUpdate: Readonly<Record<string, never>>;
  readonly listMediaOfUsers: {
    readonly users: readonly ({
      readonly user_id: string;
      readonly displayname: string | null;
      readonly media_count: number;
      readonly media_length: number;
    })[];
    readonly total: number;
    readonly next_token?: number;
  };
  readonly largestRooms: LargestRooms;
  readonly planBulk: BulkResult | {
    /** The token with which `runBulk` runs the plan. The token can be used once, within an hour. */
    readonly token: string;
    readonly operation: string;
    readonly total: number;
    /** The ids of all users or rooms that `runBulk` will change. */
    readonly items: readonly string[];
    /** When the token expires, in ms since the epoch. */
    readonly expires_ts: number;
    readonly dry_run: boolean;
  } | StartedJob;
  readonly runBulk: BulkResult | {
    /** The token with which `runBulk` runs the plan. The token can be used once, within an hour. */
    readonly token: string;
    readonly operation: string;
    readonly total: number;
    /** The ids of all users or rooms that `runBulk` will change. */
    readonly items: readonly string[];
    /** When the token expires, in ms since the epoch. */
    readonly expires_ts: number;
    readonly dry_run: boolean;
  } | StartedJob;
  readonly getBulk: {
    readonly token: string;
    readonly operation: string;
    readonly created_by: string;
    readonly expires_ts: number;
    readonly job_id: string | null;
    readonly total: number;
    readonly ok: number;
    readonly failed: number;
    readonly items: readonly ({
      readonly id: string;
      readonly outcome: 'failed' | 'ok' | 'waiting';
      readonly errcode: string | null;
      readonly error: string | null;
    })[];
    readonly next_token?: string;
  };
}

/** A room without local users. Times are in ms since the epoch. */
export type AbandonedRoomView = {
  readonly room_id: string;
  /** When a run of `purgeAbandonedRooms` first found the room without local users. The plugin starts a run each day, and administrators can start one too. `null` if no run has found the room yet. */
  readonly since_ts: number | null;
  /** The earliest time at which the room may be purged. `null` if no run has found the room yet, or if the options do not allow a purge of the room. */
  readonly purge_ts: number | null;
};

/** A user or a room for which an operation has failed, and the reason. */
export type Failure = {
  readonly id: string;
  readonly reason: string;
};

/** A job that goes on. `GET /_dendrite/admin/jobs/{jobId}` shows it. */
export type StartedJob = {
  readonly job_id: string;
};

/** The data that an administrator sees before an operation on a room. */
export type RoomInfo = {
  readonly room_id: string;
  readonly version: string;
  /** Whether the homeserver has no events of the room, but knows it for example from an invite or a knock. */
  readonly stub: boolean;
  readonly name: string | null;
  readonly canonical_alias: string | null;
  readonly creator: string | null;
  readonly join_rule: string | null;
  readonly encrypted: boolean;
  /** Whether the room is in the homeserver's room directory. */
  readonly published: boolean;
  /** The room's aliases on this homeserver. */
  readonly aliases: readonly string[];
  readonly members: {
    readonly local: MembershipCounts;
    readonly remote: MembershipCounts;
  };
  /** Number of other servers that have joined users in the room. */
  readonly remote_servers: number;
  readonly forward_extremities: number;
  /** Number of events in the current state. */
  readonly state_events: number;
  /** Number of events in the room's timeline. */
  readonly events: number;
  /** Number of reports about the room's events and about the room itself. */
  readonly reports: number;
  readonly blocked: boolean;
  /** Whether a purge of the room has begun and has not ended. The purge may be running, or may have stopped so that it must be resumed. */
  readonly purging: boolean;
};

/** How many media a deletion has deleted so far. `totalLength` is the sum of their sizes, in bytes. */
export type DeletionCounts = {
  readonly total: number;
  readonly total_length: number;
};

/** How far a call of `purgeHistory` is, in Synapse's format. */
export type HistoryPurgeStatus = {
  readonly status: 'active' | 'complete' | 'failed' | 'scheduled';
  /** Number of events that have been removed from the room's timeline. */
  readonly purged: number;
  readonly percent: number | null;
  readonly error?: string;
};

/** How far a call of `deleteRoom` is, in Synapse's format. */
export type RoomDeletion = {
  readonly delete_id: string;
  readonly room_id: string;
  readonly status: 'active' | 'complete' | 'failed' | 'scheduled';
  /** What the deletion has done with the users so far. `null` before the first user has left, and if the deletion has failed or was cancelled. */
  readonly shutdown_room: RoomShutdown | null;
  readonly error?: string;
};

/** A room in the room list of Synapse's admin API. */
export type RoomSummary = {
  readonly room_id: string;
  readonly name: string | null;
  readonly canonical_alias: string | null;
  readonly joined_members: number;
  readonly joined_local_members: number;
  readonly version: string;
  readonly creator: string | null;
  /** The encryption algorithm. `null` if the room is not encrypted. */
  readonly encryption: string | null;
  readonly federatable: boolean;
  /** Whether the room is in the homeserver's room directory. */
  readonly public: boolean;
  readonly join_rules: string | null;
  readonly guest_access: string | null;
  readonly history_visibility: string | null;
  /** Number of events in the current state. */
  readonly state_events: number;
  readonly room_type: string | null;
};

/** The details of a room in Synapse's admin API. */
export type RoomDetails = {
  readonly avatar: string | null;
  readonly topic: string | null;
  /** Number of devices of the joined local users. Devices that administrators created by logging in as a user do not count. */
  readonly joined_local_devices: number;
  /** Whether every local user who has a membership in the room has forgotten the room, which a user can only do after leaving it. Also `true` if there are no such users. */
  readonly forgotten: boolean;
  readonly tombstoned: boolean;
  readonly replacement_room: string | null;
  readonly room_id: string;
  readonly name: string | null;
  readonly canonical_alias: string | null;
  readonly joined_members: number;
  readonly joined_local_members: number;
  readonly version: string;
  readonly creator: string | null;
  /** The encryption algorithm. `null` if the room is not encrypted. */
  readonly encryption: string | null;
  readonly federatable: boolean;
  /** Whether the room is in the homeserver's room directory. */
  readonly public: boolean;
  readonly join_rules: string | null;
  readonly guest_access: string | null;
  readonly history_visibility: string | null;
  /** Number of events in the current state. */
  readonly state_events: number;
  readonly room_type: string | null;
};

/** An event in the format of the Client-Server API. */
export type ClientEvent = Readonly<Record<string, unknown>>;

/** A page of a room's events. */
export type RoomMessages = {
  /** The events, in the order of `direction`. */
  readonly chunk: readonly ClientEvent[];
  readonly start: string;
  /** Token at which the next page starts. Absent if `chunk` is empty, unless `filter` may still match events that were not read. */
  readonly end?: string;
};

/** A user's account data. `global` contains the data that belongs to no room. */
export type AccountDataOfUser = {
  readonly global: Readonly<Record<string, unknown>>;
  /** For each room id, the data that belongs to the room. */
  readonly rooms: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/** A limit for the messages that one user may send. If both numbers are 0, the user may send without a limit. */
export type RateLimit = {
  readonly messages_per_second: number;
  /** Maximum number of messages that the user may send at once. */
  readonly burst_count: number;
};

/** A reason why events were not redacted, and the ids of these events. */
export type RedactionFailure = {
  /** Ids of the events. The failures of a result together name at most 10,000 events. */
  readonly event_ids: readonly string[];
  readonly reason: string;
  readonly events: number;
};

/** How far `redactUserEvents` has redacted a user's events, in Synapse's format. */
export type UserRedactionStatus = {
  readonly status: 'active' | 'complete' | 'failed' | 'scheduled';
  /** Number of events that have been redacted. `null` if the redaction has failed or was cancelled. */
  readonly redacted: number | null;
  /** Number of events that could not be redacted. `null` if the redaction has failed or was cancelled. */
  readonly failed: number | null;
  readonly percent: number | null;
  /** Why events could not be redacted: event ids with reasons, at most 10,000. */
  readonly failed_redactions: Readonly<Record<string, string>>;
  readonly error?: string;
};

/** The result of an export. */
export type ExportedUser = {
  /** Number of records. */
  readonly records: number;
  /** Numbers of records by type. Absent types have no records. */
  readonly types: Readonly<Record<string, number>>;
};

/** Something that is stored about a user. `type` says what it is. */
export type UserRecord = Readonly<Record<string, unknown>>;

/** A token with which people may register accounts. */
export type RegistrationToken = {
  readonly token: string;
  /** Maximum number of registrations with the token. `null` means that there is no limit. */
  readonly uses_allowed: number | null;
  /** Number of registrations that have begun with the token and have not ended. */
  readonly pending: number;
  /** Number of registrations that have succeeded with the token. */
  readonly completed: number;
  /** When the token expires, in ms since the epoch. `null` means never. */
  readonly expiry_time: number | null;
};

/** A room in the form of MSC4390. If the room lacks something, such as a name, the field is missing. */
export type ModeratedRoomBody = {
  readonly room_id: string;
  readonly blocked: boolean;
  readonly name?: string;
  readonly topic?: Readonly<Record<string, unknown>>;
  readonly avatar?: string;
  readonly canonical_alias?: string;
  readonly alt_aliases?: unknown;
  readonly joined_members: number;
  readonly local_members: number;
  readonly create_event: ClientEvent;
  readonly join_rules?: Readonly<Record<string, unknown>>;
  readonly history_visibility?: string;
  readonly power_levels?: Readonly<Record<string, unknown>>;
  readonly acl?: Readonly<Record<string, unknown>>;
};

/** A thumbnail that the homeserver has made of a media. */
export type StoredThumbnail = {
  readonly width: number;
  readonly height: number;
  /** `crop` or `scale`. */
  readonly method: string;
  /** The size in bytes. */
  readonly size: number;
};

/** A difference between the rows of media in the database and the files in the host's store. */
export type MediaProblem = {
  /** `row_without_file`: the file of a row is missing. `file_without_row`: no row refers to the file. `size`: the size in the row differs from the size of the file. */
  readonly problem: 'file_without_row' | 'row_without_file' | 'size';
  /** The URI of the media. Absent for a file without a row. */
  readonly uri?: string;
  /** The hash of the content, as in the row. For a file without a row, the hash that the host's store reports. */
  readonly hash: string;
  /** The thumbnail, such as `96x96-crop`. Absent if the file is the media itself. */
  readonly thumbnail?: string;
  /** The size in the row, in bytes. Absent for a file without a row. */
  readonly row_size?: number;
  /** The size of the file, in bytes. Absent for a row without a file. */
  readonly file_size?: number;
};

/** The state of the search index. */
export type SearchStatus = {
  /** The name of the search engine, such as `postgres`. */
  readonly engine: string;
  /** Number of documents in the index. `null` if the engine does not answer. */
  readonly documents: number | null;
  /** Size of the index on disk, in bytes. `null` if the engine does not answer. */
  readonly bytes: number | null;
  /** Number of changes that wait for delivery to the engine. Always 0 if the engine is PostgreSQL. */
  readonly waiting: number;
  /** When a reindex last succeeded, in ms since the epoch. `null` if none has succeeded. */
  readonly last_rebuild_ts: number | null;
  /** Whether the index needs a reindex, because it was or may have been written with another text analysis or for other languages. */
  readonly is_outdated: boolean;
  /** `ok`: searches work. `degraded`: searches work, but something is wrong, for example a copy of the index is missing. `failed`: searches fail. */
  readonly health: 'degraded' | 'failed' | 'ok';
  /** What is wrong with the index. `null` if nothing is wrong. */
  readonly problem: string | null;
};

/** A job as callers see it. Times are in ms since the epoch. */
export type JobView = {
  readonly id: string;
  readonly kind: string;
  /** The operation that started the job. It has the same name as the kind. */
  readonly operation: string;
  /** The room, user or other thing that the job is about. */
  readonly target: string | null;
  /** The operation's input, with defaults filled in. Secrets and message texts are left out. `null` if this version of the plugin does not know the kind. */
  readonly input: Readonly<Record<string, unknown>> | null;
  readonly state: 'cancelled' | 'failed' | 'queued' | 'running' | 'succeeded';
  readonly phase: string | null;
  readonly done: number;
  readonly total: number | null;
  readonly percent: number | null;
  /** Items per second. For a running job, it is the recent rate. For a job that has ended, it is the average of the whole run. */
  readonly rate: number | null;
  readonly eta_ms: number | null;
  readonly attempts: number;
  readonly cancel_requested: boolean;
  /** The name of the actor who started the job, as the audit shows it. */
  readonly created_by: string;
  readonly created_ts: number;
  readonly started_ts: number | null;
  readonly finished_ts: number | null;
  readonly result?: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
  /** The code of the Matrix error with which the job failed. `null` if the job has not failed, or has failed with another error. */
  readonly errcode: string | null;
  readonly error_status: number | null;
};

/** The stored approval of a call, whatever its state. Times are in ms since the epoch. */
export type Approval = {
  readonly id: string;
  /** The id of the room, user or other thing that the call is about, if any. */
  readonly target: string | null;
  /** Why the homeserver demands an approval. */
  readonly reason: string;
  readonly state: 'approved' | 'denied' | 'expired' | 'pending' | 'used';
  readonly requested_ts: number;
  /** Request id of the first call that needed this approval. */
  readonly request_id: string;
  readonly expires_ts: number;
  /** The administrator who has decided. `null` if nobody has, like the next two fields. */
  readonly decided_by: string | null;
  readonly decided_ts: number | null;
  readonly decision_reason: string | null;
  readonly used_ts: number | null;
  /** Request id of the call that has used the approval. `null` if no call has used it. */
  readonly used_request_id: string | null;
  readonly operation: string;
  /** The operation's input, with defaults filled in and without `dryRun`. It contains no secrets and no message texts. */
  readonly input: Readonly<Record<string, unknown>>;
  /** The administrator who called the operation, or `system:` and the name of the homeserver's code that called the operation. */
  readonly requested_by: string;
};

/** Numbers of summaries of one kind. A summary is a row of the plugin's tables that stores what a list shows about a room or a user. `compared` counts the rooms or users that were compared with their summaries. `wrong` counts the summaries that were missing, wrong or superfluous. */
export type ComparedSummaries = {
  readonly compared: number;
  readonly wrong: number;
};

/** A job, in the form in which Synapse shows a task. */
export type Task = {
  readonly id: string;
  readonly action: string;
  readonly status: 'active' | 'cancelled' | 'complete' | 'failed' | 'scheduled';
  /** Time of the last change of the status, in ms since the epoch. */
  readonly timestamp_ms: number;
  /** Id of the room, user or other target. */
  readonly resource_id: string | null;
  readonly result?: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
};

/** The background updates in Synapse's format. `master` is Synapse's name for its only database. The field is absent if no background update is running. */
export type BackgroundUpdates = {
  readonly enabled: boolean;
  readonly current_updates: {
    readonly master?: BackgroundUpdate;
  };
};

/** The largest rooms, with estimates of their sizes. */
export type LargestRooms = {
  readonly rooms: readonly RoomSize[];
  /** When PostgreSQL collected the statistics from which the estimates are made, in ms since the epoch. `null` if PostgreSQL has not collected statistics yet. */
  readonly estimated_ts: number | null;
};

/** The result of a bulk operation. */
export type BulkResult = {
  readonly operation: string;
  readonly total: number;
  readonly ok: number;
  readonly failed: number;
  /** The first 1000 failures. Absent if there are none. */
  readonly failures?: readonly ({
    readonly id: string;
    readonly reason: string;
  })[];
};

/** Number of a room's users by membership. `left` counts users who have left and users who are banned. */
export type MembershipCounts = {
  readonly join: number;
  readonly invite: number;
  readonly knock: number;
  readonly left: number;
};

/** What a call of `deleteRoom` has done. `kickedUsers`, `failedToKickUsers`, `localAliases` and `newRoomId` are Synapse's fields, in camel case. */
export type RoomShutdown = {
  /** Local users who have left, rejected an invite or withdrawn a knock, at most 10,000. */
  readonly kicked_users: readonly string[];
  /** Number of users who have left. Absent if `kicked_users` lists all of them. */
  readonly kicked_users_total?: number;
  readonly failed_to_kick_users: readonly string[];
  /** Local aliases that were moved to the new room. */
  readonly local_aliases: readonly string[];
  readonly new_room_id: string | null;
  /** How many media were deleted. Absent if no media were to be deleted, and before the deletion has ended. */
  readonly media?: DeletionCounts;
  /** Servers that had not received all leave events when the room was purged. These servers will never receive the events. */
  readonly undelivered?: readonly string[];
};

/** A running background update: how many items it has processed, in how many ms, and at what rate (`null` if unknown). */
export type BackgroundUpdate = {
  readonly name: string;
  readonly total_item_count: number;
  readonly total_duration_ms: number;
  readonly average_items_per_ms: number | null;
};

/** A room, and an estimate of the space that it takes in the database. */
export type RoomSize = {
  readonly room_id: string;
  /** Estimated size in bytes, including indexes. */
  readonly estimated_size: number;
};
