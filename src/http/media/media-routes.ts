import type { StoredMedia } from '../../storage/mediaapi/media.ts';
import { defineRoute, numberOf, ok, okOf, type Route, wireForm } from '../route.ts';

const V1 = '/_synapse/admin/v1';

/**
 * The fields that Synapse shows for each media file. `last_access_ts` is null, because Dendrite does not record when a file was
 * last used.
 */
const mediaBody = (media: StoredMedia) => ({
  media_id: media.mediaId,
  media_type: media.contentType,
  media_length: media.size,
  upload_name: media.uploadName,
  created_ts: media.createdTs,
  url_cache: null,
  last_access_ts: null,
  quarantined_by: media.quarantinedBy,
  user_id: media.userId,
  authenticated: 1,
  safe_from_quarantine: media.isProtected,
  sha256: Buffer.from(media.hash, 'base64url').toString('hex'),
});

const infoBody = (media: StoredMedia) => ({
  media_origin: media.userId === null ? media.origin : null,
  filesystem_id: null,
  ...mediaBody(media),
  safe_from_quarantine: Number(media.isProtected),
});

/** Routes that show media. */
export const MEDIA_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${V1}/users/:userId/media`,
    operation: 'listUserMedia',
    names: { direction: 'dir' },
    input: ({ params, query }) => ({
      userId: params.userId,
      orderBy: query.order_by,
      direction: query.dir,
      limit: numberOf(query.limit),
      from: numberOf(query.from),
    }),
    respond: ({ media, total, totalLength, nextToken }) =>
      ok({
        media: media.map(mediaBody),
        total,
        total_length: totalLength,
        ...(nextToken !== undefined && { next_token: nextToken }),
      }),
  }),
  defineRoute({
    method: 'GET',
    path: `${V1}/room/:roomId/media`,
    operation: 'listRoomMedia',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${V1}/media/:serverName/:mediaId`,
    operation: 'getMedia',
    input: ({ params }) => ({ serverName: params.serverName, mediaId: params.mediaId }),
    respond: (media) => ok({ media_info: infoBody(media) }),
  }),
  defineRoute({
    method: 'GET',
    path: '/_dendrite/admin/media/:serverName/:mediaId',
    operation: 'getMediaUses',
    input: ({ params }) => ({ serverName: params.serverName, mediaId: params.mediaId }),
    respond: ({ media, ...uses }) => ok({ media_info: infoBody(media), ...wireForm(uses) }),
  }),
];
