import { defineRoute, ok, type Route } from './route.ts';

/** Routes of operations on devices. */
export const DEVICE_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/_dendrite/admin/refreshDevices/:userId',
    operation: 'refreshDevices',
    input: ({ params, body }) => ({ userId: params.userId, dryRun: body.dry_run }),
    // Dendrite's answer, with more where there is more to say.
    respond: (refreshed) => ok('dry_run' in refreshed || 'left_out' in refreshed ? refreshed : {}),
  }),
];
