/** An endpoint of Synapse's admin API. */
export interface SynapseEndpoint {
  /** Method and path. A path without a leading slash is below `/_synapse/admin/`. */
  readonly endpoint: string;
  /**
   * Differences that an administrator must know, if the plugin serves the endpoint. `docs/differences-from-synapse.md` has all
   * differences.
   */
  readonly differs?: string;
  /** Why the plugin does not serve the endpoint. Absent if it does. */
  readonly missing?: string;
}

/** A page of Synapse's admin documentation. */
interface SynapsePage {
  readonly page: string;
  readonly endpoints: readonly SynapseEndpoint[];
}

const served = (endpoint: string): SynapseEndpoint => ({ endpoint });
const differs = (endpoint: string, why: string): SynapseEndpoint => ({ endpoint, differs: why });
const missing = (endpoint: string, why: string): SynapseEndpoint => ({ endpoint, missing: why });

/**
 * Every endpoint in the admin documentation of Synapse 1.163, and endpoints that only its code has. An endpoint has `missing`
 * exactly if the plugin does not serve it. `test/generated.test.ts` checks this.
 */
export const SYNAPSE_PAGES: readonly SynapsePage[] = [
  {
    page: 'Account validity',
    endpoints: [differs('POST v1/account_validity/validity', 'always refused: accounts do not expire in Dendrite')],
  },
  {
    page: 'Background updates',
    endpoints: [
      differs('GET v1/background_updates/status', 'shows a running reindex of the search'),
      served('GET v1/background_updates/enabled'),
      differs('POST v1/background_updates/enabled', 'jobs cannot be paused'),
      differs('POST v1/background_updates/start_job', 'can only start `reindexFulltext`'),
    ],
  },
  {
    page: 'Client-Server API extensions',
    endpoints: [
      missing(
        'PUT /_matrix/client/v3/user/{user_id}/account_data/io.element.synapse.admin_client_config',
        'the homeserver serves account data, and the plugin does not',
      ),
    ],
  },
  {
    page: 'Event reports',
    endpoints: [
      differs('GET v1/event_reports', 'reports have a `status`; reports of missing events are left out'),
      differs('GET v1/event_reports/{report_id}', 'reports have a `status`'),
      served('DELETE v1/event_reports/{report_id}'),
    ],
  },
  {
    page: 'User reports',
    endpoints: [
      differs('GET v1/user_reports', 'reports have a `status`; users of other servers can also be reported'),
      differs('GET v1/user_reports/{report_id}', 'reports have a `status`'),
      served('DELETE v1/user_reports/{report_id}'),
    ],
  },
  {
    page: 'Experimental features',
    endpoints: [
      differs(
        'GET v1/experimental_features/{user_id}',
        'an unknown user is a `404`; the homeserver must ask the plugin for the features',
      ),
      differs('PUT v1/experimental_features/{user_id}', 'the homeserver must ask the plugin for the features'),
    ],
  },
  {
    page: 'Fetching events',
    endpoints: [differs('GET v1/fetch_event/{event_id}', 'shows only the redacted form of a redacted event')],
  },
  {
    page: 'Federation',
    endpoints: [
      differs('GET v1/federation/destinations', 'also shows queues and lists; the host provides the times of retries'),
      differs('GET v1/federation/destinations/{destination}', 'the same as in the list'),
      differs('GET v1/federation/destinations/{destination}/rooms', '`stream_ordering` is always `null`'),
      differs(
        'POST v1/federation/destinations/{destination}/reset_connection',
        '`200` also where nothing is to be reset',
      ),
    ],
  },
  {
    page: 'Media',
    endpoints: [
      differs('GET v1/room/{room_id}/media', 'also has the media of edited versions, and `total`'),
      differs('GET v1/users/{user_id}/media', '`total_length`; Dendrite has no `last_access_ts`'),
      differs('DELETE v1/users/{user_id}/media', 'runs as a job; the homeserver must provide its store of files'),
      differs('GET v1/media/{origin}/{media_id}', 'Dendrite has no `last_access_ts`'),
      differs('DELETE v1/media/{server_name}/{media_id}', 'also deletes media of other servers'),
      differs('POST v1/media/delete', 'compares the time of the upload; protected media stay'),
      differs('POST v1/media/{server_name}/delete', 'the same as for `media/delete`'),
      differs('POST v1/media/quarantine/{server_name}/{media_id}', 'the homeserver must ask the plugin for it'),
      differs('POST v1/media/unquarantine/{server_name}/{media_id}', 'the homeserver must ask the plugin for it'),
      served('GET v1/media/quarantine_changes'),
      differs('POST v1/room/{room_id}/media/quarantine', 'also works for media that are not stored yet'),
      differs('POST v1/user/{user_id}/media/quarantine', 'the homeserver must ask the plugin for it'),
      differs('POST v1/media/protect/{media_id}', 'also ends a quarantine'),
      served('POST v1/media/unprotect/{media_id}'),
      differs('POST v1/purge_media_cache', 'compares the time of the fetch; protected media stay'),
    ],
  },
  {
    page: 'Purge history',
    endpoints: [
      differs('POST v1/purge_history/{room_id}', 'times are `origin_server_ts`; old state goes, too'),
      differs('POST v1/purge_history/{room_id}/{event_id}', 'old state goes, too'),
      differs('GET v1/purge_history_status/{purge_id}', 'also has a count and a percentage'),
    ],
  },
  { page: 'Register users', endpoints: [served('GET v1/register'), served('POST v1/register')] },
  {
    page: 'Registration tokens',
    endpoints: [
      served('GET v1/registration_tokens'),
      served('GET v1/registration_tokens/{token}'),
      served('POST v1/registration_tokens/new'),
      served('PUT v1/registration_tokens/{token}'),
      served('DELETE v1/registration_tokens/{token}'),
    ],
  },
  {
    page: 'Room membership',
    endpoints: [
      differs(
        'POST v1/join/{room_id_or_alias}',
        'a local member may send the invite; rooms without local members are not joined',
      ),
    ],
  },
  {
    page: 'Rooms',
    endpoints: [
      differs('GET v1/rooms', 'rooms known only from an invite are left out'),
      differs('GET v1/rooms/{room_id}', 'rooms known only from an invite are left out'),
      differs('GET v1/rooms/{room_id}/members', 'a room without members keeps its last known state'),
      differs('GET v1/rooms/{room_id}/state', 'a room without members keeps its last known state'),
      differs('GET v1/rooms/{room_id}/context/{event_id}', 'redacted events are `404`'),
      differs(
        'GET v1/rooms/{room_id}/messages',
        'events are in the order of their arrival; filters are by type and sender',
      ),
      differs('GET v1/rooms/{room_id}/timestamp_to_event', 'ignores history that was fetched after the join'),
      differs('GET v1/rooms/{room_id}/hierarchy', '`next_batch` is the number of rooms to skip'),
      served('GET v1/rooms/{room_id}/block'),
      served('PUT v1/rooms/{room_id}/block'),
      differs('DELETE v1/rooms/{room_id}', 'after 50 s it is answered with `202` and the job'),
      differs('DELETE v2/rooms/{room_id}', 'a second deletion of the same room gets the job of the first'),
      served('GET v2/rooms/{room_id}/delete_status'),
      served('GET v2/rooms/delete_status/{delete_id}'),
      differs('POST v1/rooms/{room_id_or_alias}/make_room_admin', 'invites local users only'),
      differs('GET v1/rooms/{room_id_or_alias}/forward_extremities', '`received_ts` is `null`'),
      differs(
        'DELETE v1/rooms/{room_id_or_alias}/forward_extremities',
        'sends events that follow the extremities, and deletes none',
      ),
    ],
  },
  {
    page: 'Scheduled tasks',
    endpoints: [
      differs('GET v1/scheduled_tasks', 'shows the jobs of this API, newest first; a page has at most 1,000'),
    ],
  },
  {
    page: 'Server notices',
    endpoints: [served('POST v1/send_server_notice'), served('PUT v1/send_server_notice/{txn_id}')],
  },
  {
    page: 'Statistics',
    endpoints: [
      differs('GET v1/statistics/users/media', 'lists only users with media; a page has at most 1,000 users'),
      differs('GET v1/statistics/database/rooms', '`estimated_ts` says how old the estimates are'),
    ],
  },
  {
    page: 'Users',
    endpoints: [
      differs('GET v2/users', '`next_token` is a long number; a page has at most 10,000 users'),
      differs('GET v3/users', '`next_token` is a long number; a page has at most 10,000 users'),
      served('GET v2/users/{user_id}'),
      differs('PUT v2/users/{user_id}', 'changes all fields or none; `external_ids` are refused'),
      differs('GET /_matrix/client/r0/admin/whois/{user_id}', 'each connection is under its own device'),
      differs('GET /_matrix/client/v3/admin/whois/{user_id}', 'each connection is under its own device'),
      differs('GET v1/whois/{user_id}', 'each connection is under its own device'),
      differs('POST v1/deactivate/{user_id}', 'a job leaves the rooms'),
      served('PUT v1/suspend/{user_id}'),
      differs('POST v1/reset_password/{user_id}', 'passwords follow the rules of Dendrite'),
      served('GET v1/users/{user_id}/admin'),
      served('PUT v1/users/{user_id}/admin'),
      served('GET v1/users/{user_id}/joined_rooms'),
      served('GET v1/users/{user_id}/memberships'),
      differs('GET v1/users/{user_id}/sent_invite_count', 'purged rooms do not count'),
      differs('GET v1/users/{user_id}/cumulative_joined_room_count', 'purged rooms do not count'),
      differs('GET v1/users/{user_id}/accountdata', 'includes push rules'),
      differs(
        'POST v1/users/{user_id}/login',
        'refused unless `accounts.allowLoginAs` is true; never possible for administrators',
      ),
      served('GET v2/users/{user_id}/devices'),
      differs('POST v2/users/{user_id}/devices', 'the device has an access token, which nobody knows'),
      served('POST v2/users/{user_id}/delete_devices'),
      served('GET v2/users/{user_id}/devices/{device_id}'),
      served('PUT v2/users/{user_id}/devices/{device_id}'),
      served('DELETE v2/users/{user_id}/devices/{device_id}'),
      served('GET v1/users/{user_id}/pushers'),
      differs('POST v1/users/{user_id}/shadow_ban', 'not for administrators; the homeserver must enforce it'),
      differs('DELETE v1/users/{user_id}/shadow_ban', 'not for administrators; the homeserver must enforce it'),
      served('GET v1/users/{user_id}/override_ratelimit'),
      differs('POST v1/users/{user_id}/override_ratelimit', 'the homeserver must enforce it'),
      differs('DELETE v1/users/{user_id}/override_ratelimit', 'the homeserver must enforce it'),
      differs(
        'POST v1/users/{user_id}/_allow_cross_signing_replacement_without_uia',
        'the homeserver must ask the plugin for it',
      ),
      differs('GET v1/username_available', 'names follow the rules of Dendrite'),
      differs('GET v1/auth_providers/{provider}/users/{external_id}', 'always `404`: there is no single sign-on'),
      served('GET v1/threepid/{medium}/users/{address}'),
      differs('GET v1/search_users/{user_id}', 'shows no password hashes, and at most 10,000 users'),
      differs(
        'POST v1/user/{user_id}/redact',
        'also redacts stickers and reactions; a local member may send the redactions',
      ),
      differs('GET v1/user/redact_status/{redact_id}', 'also has counts and a percentage'),
    ],
  },
  { page: 'Version', endpoints: [served('GET v1/server_version')] },
];
