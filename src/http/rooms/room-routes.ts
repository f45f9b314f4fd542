import type { OperationOutput } from '../../operations/operations.ts';
import { defineRoute, flagOf, okOf, type Route } from '../route.ts';

const DENDRITE = '/_dendrite/admin';

/** Dendrite answers with an empty object. The plugin adds keys only for a dry run, or if it has left out events. */
const downloadBody = (download: OperationOutput<'downloadState'>) =>
  okOf<Partial<typeof download>>('dryRun' in download || 'leftOut' in download ? download : {});

/** Dendrite's routes that change rooms, and a `POST` route that does the same as Dendrite's `GET` route `downloadState`. */
export const ROOM_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: `${DENDRITE}/downloadState/:serverName/:roomId`,
    operation: 'downloadState',
    input: ({ params, body }) => ({
      serverName: params.serverName,
      roomId: params.roomId,
      dryRun: body.dry_run,
    }),
    respond: downloadBody,
  }),
  defineRoute({
    method: 'GET',
    path: `${DENDRITE}/downloadState/:serverName/:roomId`,
    operation: 'downloadState',
    input: ({ params, query }) => ({
      serverName: params.serverName,
      roomId: params.roomId,
      dryRun: flagOf('dry_run', query.dry_run),
    }),
    respond: downloadBody,
  }),
  defineRoute({
    method: 'POST',
    path: `${DENDRITE}/evacuateRoom/:roomId`,
    operation: 'evacuateRoom',
    input: ({ params, body }) => ({
      roomId: params.roomId,
      invites: body.invites,
      knocks: body.knocks,
      dryRun: body.dry_run,
    }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: `${DENDRITE}/purgeRoom/:roomId`,
    operation: 'purgeRoom',
    input: ({ params, body }) => ({
      roomId: params.roomId,
      evacuate: body.evacuate,
      block: body.block,
      reason: body.reason,
      keep: body.keep,
      onlyIfEmpty: body.only_if_empty,
      media: body.media,
      dryRun: body.dry_run,
    }),
    // Dendrite answers with an empty object. The plugin adds keys only for a dry run, for users who could not leave, for servers
    // that have not received the leave events, and for deleted media.
    respond: ({ deleted, evacuated, failed, undelivered, media, dryRun }) =>
      okOf({
        ...(dryRun && { dry_run: dryRun, deleted, evacuated }),
        ...(failed && { failed }),
        ...(undelivered && { undelivered }),
        ...(media && { media }),
      }),
  }),
];
