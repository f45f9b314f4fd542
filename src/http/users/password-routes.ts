import { defineRoute, ok, type Route } from '../route.ts';

/** Routes that set passwords. */
export const PASSWORD_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/_dendrite/admin/resetPassword/:userId',
    operation: 'resetPassword',
    input: ({ params, body }) => ({
      userId: params.userId,
      password: body.password,
      logoutDevices: body.logout_devices,
      deactivated: body.deactivated,
    }),
    respond: () => ok({ password_updated: true }),
  }),
  defineRoute({
    method: 'POST',
    path: '/_synapse/admin/v1/reset_password/:userId',
    operation: 'resetPassword',
    names: { password: 'new_password' },
    input: ({ params, body }) => ({
      userId: params.userId,
      password: body.new_password,
      // As in Synapse, the user is logged out on all devices unless the request says otherwise.
      logoutDevices: body.logout_devices ?? true,
      deactivated: body.deactivated,
    }),
    respond: () => ok({}),
  }),
];
