import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type Router from '@koa/router';
import type { Context } from 'koa';
import { isServerName, MatrixError, type MediaFile } from '../../index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { type ClientRequest, parameterOf, queryOf } from '../request-parameters.ts';
import { requireNotSuspended } from '../require-not-suspended.ts';
import { findMedia, findThumbnail, insertMedia, type Media, type Thumbnail } from '../storage/media.ts';
import type { MediaDirectory } from './media-directory.ts';
import { receiveFile } from './receive-file.ts';

/** Maximum size of an upload, in bytes. Dendrite has the same default. */
const MAX_UPLOAD = 10 * 1_024 * 1_024;
const MAX_NAME = 255;
/**
 * Content types that browsers may show inside a web page. For files of other types, the routes tell browsers to save the file.
 * Source: Client-Server API, "Serving inline content".
 */
const INLINE = /^(?:text\/(?:plain|css|csv)|application\/(?:json|ld\+json)|(?:image|audio|video)\/(?!svg)[\w.+-]+)$/;
const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'Media not found');

const MEDIA = '/_matrix/client/v1/media';

/**
 * Adds the routes of the content repository. This homeserver makes no thumbnails, and fetches no media from other servers. But
 * if Dendrite has used the same database and folder before, the routes serve the thumbnails that Dendrite has made, and the
 * media that Dendrite has fetched. Source: Client-Server API, "Content repository".
 */
export function addMediaRoutes(router: Router, context: HostContext, directory: MediaDirectory): void {
  const { db, admin, signingKey } = context;
  router.get([`${MEDIA}/config`, '/_matrix/media/v3/config'], async (ctx) => {
    await authenticate(ctx, context);
    ctx.body = { 'm.upload.size': MAX_UPLOAD };
  });

  router.post(['/_matrix/media/v3/upload', '/_matrix/media/r0/upload'], async (ctx) => {
    const { userId } = await authenticate(ctx, context);
    await requireNotSuspended(context, userId);
    const contentType = ctx.get('content-type') || 'application/octet-stream';
    const uploadName = encodeURIComponent((queryOf(ctx, 'filename') ?? '').toWellFormed().slice(0, MAX_NAME));
    const file = await receiveFile(directory, ctx.req, MAX_UPLOAD);
    const { hash, size } = file;
    const origin = signingKey.serverName;
    const media = { origin, mediaId: randomBytes(32).toString('hex'), contentType, size, uploadName, hash };
    try {
      await db.transaction(async (transaction) => {
        await admin.media.lock(hash, { transaction });
        await file.keep();
        await insertMedia(transaction, media, userId);
      });
    } finally {
      await file.discard();
    }
    ctx.body = { content_uri: `mxc://${origin}/${media.mediaId}` };
  });

  const download = async (ctx: ClientRequest): Promise<void> => {
    const media = await requireMedia(ctx, context);
    await respondFile(ctx, directory, { hash: media.hash }, media);
    ctx.set('Content-Disposition', dispositionOf(ctx, media));
  };
  router.get(`${MEDIA}/download/:serverName/:mediaId`, download);
  router.get(`${MEDIA}/download/:serverName/:mediaId/:fileName`, download);

  router.get(`${MEDIA}/thumbnail/:serverName/:mediaId`, async (ctx) => {
    const media = await requireMedia(ctx, context);
    const asked = { width: pixelsOf(ctx, 'width'), height: pixelsOf(ctx, 'height'), method: methodOf(ctx) };
    const thumbnail: Thumbnail | undefined = await findThumbnail(db, media, asked);
    const file: MediaFile = thumbnail === undefined ? { hash: media.hash } : { hash: media.hash, thumbnail };
    await respondFile(ctx, directory, file, thumbnail ?? media);
    ctx.set('Content-Disposition', 'inline');
  });
}

/**
 * Authenticates the caller of a request, and finds the media that the path of the request names.
 * @throws MatrixError `M_NOT_FOUND` if the media is missing or quarantined, `M_INVALID_PARAM` if the server name in the path is
 * not valid, or an error of `authenticate()`
 */
async function requireMedia(ctx: ClientRequest, context: HostContext): Promise<Media> {
  await authenticate(ctx, context);
  const [origin, mediaId] = [parameterOf(ctx, 'serverName'), parameterOf(ctx, 'mediaId')];
  if (!isServerName(origin)) throw new MatrixError('M_INVALID_PARAM', 'serverName is not valid');
  if ((await context.admin.media.check(origin, mediaId)).quarantined) throw notFound();
  const media = await findMedia(context.db, origin, mediaId);
  if (media === undefined) throw notFound();
  return media;
}

/**
 * Answers with a file.
 * @throws MatrixError `M_NOT_FOUND` if the file is missing, or does not have the size that the database says
 */
async function respondFile(
  ctx: Context,
  directory: MediaDirectory,
  file: MediaFile,
  { contentType, size }: Pick<Media, 'contentType' | 'size'>,
): Promise<void> {
  if ((await directory.sizeOf(file)) !== size) throw notFound();
  ctx.set({
    'Content-Type': contentType,
    'Content-Length': String(size),
    'Content-Security-Policy': "sandbox; default-src 'none'",
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'X-Content-Type-Options': 'nosniff',
  });
  ctx.body = createReadStream(directory.pathOf(file));
}

/**
 * Returns the value of the header `Content-Disposition`: whether browsers may show the file in a page, and the name of the
 * file. A name in the path takes precedence over the name from the upload.
 */
function dispositionOf({ params }: ClientRequest, { contentType, uploadName }: Media): string {
  const kind = INLINE.test(contentType.split(';')[0] ?? '') ? 'inline' : 'attachment';
  const name = params.fileName === undefined ? uploadName : encodeURIComponent(params.fileName);
  return name === '' ? kind : `${kind}; filename*=utf-8''${name}`;
}

function pixelsOf(ctx: Context, name: string): number {
  const value = queryOf(ctx, name) ?? '';
  if (!/^\d{1,5}$/.test(value)) throw new MatrixError('M_INVALID_PARAM', `${name} must be a number of pixels`);
  return Number(value);
}

function methodOf(ctx: Context): Thumbnail['method'] {
  const method = queryOf(ctx, 'method') ?? 'scale';
  if (method === 'crop' || method === 'scale') return method;
  throw new MatrixError('M_INVALID_PARAM', 'method is neither crop nor scale');
}
