import { defineRoute, ok, okOf, type Route } from '../route.ts';

const USER = '/_synapse/admin/v1/user';

/** Synapse's route that redacts the events of a user, and Synapse's route that shows the state of such a redaction. */
export const USER_REDACTION_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: `${USER}/:userId/redact`,
    operation: 'redactUserEvents',
    input: ({ params, body }) => ({
      userId: params.userId,
      rooms: body.rooms,
      reason: body.reason ?? undefined,
      limit: body.limit ?? undefined,
      useAdmin: body.use_admin ?? undefined,
      afterTs: body.after_ts ?? undefined,
      beforeTs: body.before_ts ?? undefined,
      types: body.types,
      media: body.media,
      dryRun: body.dry_run,
    }),
    respondStarted: (jobId) => ok({ redact_id: jobId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${USER}/redact_status/:redactId`,
    operation: 'getUserRedaction',
    input: ({ params }) => ({ redactId: params.redactId }),
    respond: okOf,
  }),
];
