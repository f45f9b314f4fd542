import { ACCOUNT_TYPE } from '../../accounts/account-type.ts';
import type { UserDetails } from '../../operations/users/get-user.ts';
import type { User } from '../../storage/userapi/users.ts';
import {
  accepted,
  defineRoute,
  flagOf,
  jobLocation,
  numberOf,
  ok,
  okOf,
  page,
  type Route,
  type RouteRequest,
} from '../route.ts';

const USER = '/_synapse/admin/v2/users/:userId';
const ADMIN = '/_synapse/admin/v1/users/:userId/admin';

/** The fields that Synapse shows both in lists and for a single user. */
const commonBody = (user: User) => ({
  name: user.userId,
  user_type: user.userType,
  is_guest: user.accountType === ACCOUNT_TYPE.guest,
  admin: user.accountType === ACCOUNT_TYPE.admin,
  deactivated: user.isDeactivated,
  shadow_banned: user.isShadowBanned,
  displayname: user.displayName,
  avatar_url: user.avatarUrl,
  erased: user.isErased,
  last_seen_ts: user.lastSeenAt,
  locked: user.isLocked,
});

const listedUser = (user: User) => ({ ...commonBody(user), creation_ts: user.createdAt });

/**
 * Converts a single user to the form that Synapse shows. As in Synapse, `creation_ts` is in seconds here, but in ms in lists.
 * The times of threepids (email addresses and phone numbers) are null, because Dendrite does not store these times.
 */
const wholeUser = (user: UserDetails) => ({
  ...commonBody(user),
  creation_ts: Math.floor(user.createdAt / 1_000),
  appservice_id: user.appserviceId,
  consent_server_notice_sent: null,
  consent_version: null,
  consent_ts: null,
  suspended: user.isSuspended,
  threepids: user.threepids.map((threepid) => ({ ...threepid, validated_at: null, added_at: null })),
  media_count: user.mediaCount,
  media_length: user.mediaLength,
  external_ids: [],
});

/** Reads the filters of the user lists. An empty search text matches every user. */
const listInput = ({ query, valuesOf }: RouteRequest) => ({
  userId: query.user_id || undefined,
  name: query.name || undefined,
  guests: flagOf('guests', query.guests),
  locked: flagOf('locked', query.locked),
  admins: flagOf('admins', query.admins),
  notUserTypes: valuesOf('not_user_type')?.map((type) => type || null),
  direction: query.dir,
  limit: numberOf(query.limit),
  from: query.from,
});

/** The meaning of the query parameter `deactivated` in each of the two versions of Synapse's user list. */
const DEACTIVATED = {
  v2: (deactivated: boolean | undefined) => (deactivated === true ? 'include' : 'exclude'),
  v3: (deactivated: boolean | undefined) => (deactivated === undefined ? 'include' : deactivated ? 'only' : 'exclude'),
} as const;

/**
 * Fields that a request cannot change. Admin consoles read the whole user record and send it back, so the route must ignore
 * these fields. The console Ketesa adds the fields of the last line.
 */
const NOT_SETTABLE = (
  'name is_guest media_count media_length erased creation_ts last_seen_ts appservice_id consent_server_notice_sent consent_version consent_ts ' +
  'id avatar_src avatar_file avatar_erase creation_ts_ms'
).split(' ');

/** Routes of users, with Synapse's paths and answers. */
export const USER_ROUTES: readonly Route[] = [
  ...(['v2', 'v3'] as const).map((version) =>
    defineRoute({
      method: 'GET',
      path: `/_synapse/admin/${version}/users`,
      operation: 'listUsers',
      names: { sortBy: 'order_by', direction: 'dir', notUserTypes: 'not_user_type' },
      input: (request) => ({
        ...listInput(request),
        deactivated: DEACTIVATED[version](flagOf('deactivated', request.query.deactivated)),
        sortBy: request.query.order_by,
      }),
      respond: ({ users, total, nextToken }) => page({ users: users.map(listedUser), total }, nextToken),
    }),
  ),
  defineRoute({
    method: 'GET',
    path: USER,
    operation: 'getUser',
    input: ({ params }) => ({ userId: params.userId }),
    respond: (user) => ok(wholeUser(user)),
  }),
  defineRoute({
    method: 'PUT',
    path: USER,
    operation: 'setUser',
    names: { displayName: 'displayname' },
    ignoredKeys: NOT_SETTABLE,
    input: ({ params, body }) => ({
      userId: params.userId,
      password: body.password,
      logoutDevices: body.logout_devices,
      displayName: body.displayname,
      avatarUrl: body.avatar_url,
      // Consoles that import users from a table send an empty text for an empty cell.
      threepids: body.threepids === '' ? [] : body.threepids,
      userType: body.user_type,
      admin: body.admin,
      deactivated: body.deactivated,
      locked: body.locked,
      suspended: body.suspended,
      externalIds: body.external_ids,
      shadowBanned: body.shadow_banned,
      approved: body.approved,
    }),
    respond: ({ created, user }) => ({ status: created ? 201 : 200, body: wholeUser(user) }),
  }),
  defineRoute({
    method: 'GET',
    path: ADMIN,
    operation: 'getUserAdmin',
    input: ({ params }) => ({ userId: params.userId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'PUT',
    path: ADMIN,
    operation: 'setUserAdmin',
    input: ({ params, body }) => ({ userId: params.userId, admin: body.admin }),
    respond: () => ok({}),
  }),
  defineRoute({
    method: 'POST',
    path: '/_synapse/admin/v1/deactivate/:userId',
    operation: 'deactivateUser',
    input: ({ params, body }) => ({
      userId: params.userId,
      erase: body.erase,
      media: body.media,
      remove: body.remove,
      dryRun: body.dry_run,
    }),
    // `id_server_unbind_result` says whether identity servers have forgotten the user's addresses. The plugin uses no identity
    // servers, so the value is always `success`.
    respondStarted: (jobId, request) =>
      request.respondAsync
        ? accepted(jobId, request)
        : { ...ok({ id_server_unbind_result: 'success' }), headers: jobLocation(request, jobId) },
    // `respond` makes only the answer to a dry run. `respondStarted` makes the answer to any other request.
    respond: okOf,
  }),
];
