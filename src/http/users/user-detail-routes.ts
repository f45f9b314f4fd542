import type { Pusher } from '../../storage/userapi/pushers.ts';
import { defineRoute, ok, okOf, type Route, timeOf } from '../route.ts';

const USER = '/_synapse/admin/v1/users/:userId';

/** Converts a pusher to the form that Synapse shows. `enabled` is always true, because Dendrite cannot switch a pusher off. */
const pusherBody = (pusher: Pusher) => ({
  app_display_name: pusher.appDisplayName,
  app_id: pusher.appId,
  data: pusher.data,
  device_display_name: pusher.deviceDisplayName,
  kind: pusher.kind,
  lang: pusher.lang,
  profile_tag: pusher.profileTag,
  pushkey: pusher.pushkey,
  enabled: true,
  device_id: pusher.deviceId,
});

/**
 * Routes that show pushers, account data and counts of a user, and Synapse's route that renews an account, which always fails.
 */
export const USER_DETAIL_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${USER}/pushers`,
    operation: 'listPushers',
    input: ({ params }) => ({ userId: params.userId }),
    respond: (pushers) => ok({ pushers: pushers.map(pusherBody), total: pushers.length }),
  }),
  defineRoute({
    method: 'GET',
    path: `${USER}/accountdata`,
    operation: 'getAccountData',
    input: ({ params }) => ({ userId: params.userId }),
    respond: (data) => ok({ account_data: data }),
  }),
  defineRoute({
    method: 'GET',
    path: `${USER}/sent_invite_count`,
    operation: 'countSentInvites',
    names: { since: 'from_ts' },
    input: ({ params, query }) => ({ userId: params.userId, since: timeOf(query.from_ts) }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${USER}/cumulative_joined_room_count`,
    operation: 'countJoinedRooms',
    names: { since: 'from_ts' },
    input: ({ params, query }) => ({ userId: params.userId, since: timeOf(query.from_ts) }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: '/_synapse/admin/v1/account_validity/validity',
    operation: 'renewAccount',
    input: ({ body }) => ({
      userId: body.user_id,
      expirationTs: body.expiration_ts,
      enableRenewalEmails: body.enable_renewal_emails,
    }),
    respond: ok,
  }),
];
