import { z } from 'zod';
import { ParameterError } from '../../errors.ts';
import type { MediaKey } from '../../matrix/media-uris.ts';
import { insteadOf } from '../../number-problem.ts';
import { findMedia, type MediaFilter, readMediaKeys, readMediaOfUser } from '../../storage/mediaapi/media.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireAccount } from '../users/local-account.ts';
import { userIdInput } from '../users/user-id-input.ts';
import {
  type DeletedMediaIds,
  type DeletionCounts,
  deleteAsJob,
  requireFileRemoval,
  withoutKept,
} from './deleted-media.ts';
import { orderOf, userMediaPage } from './list-user-media.ts';
import { mediaIdInput, originInput, unknownMedia } from './media-input.ts';

/** Number of media that one query for a long list reads. */
const PAGE = 10_000;
/**
 * The earliest time that a caller may give. It is in December 1970. An earlier time is a mistake: it is a time in seconds.
 * Synapse refuses the same times.
 */
const EARLIEST = 30_000_000_000;

const beforeInput = z.int().min(EARLIEST, {
  error: ({ input }) => `must be a time after 1970, in ms since the epoch or in ISO 8601${insteadOf(input)}`,
});

async function* only(keys: readonly MediaKey[]): AsyncGenerator<readonly MediaKey[], void, undefined> {
  yield keys;
}

/**
 * Deletes a media of any server, and its thumbnails. Media with the same content share a file. The file is removed with the
 * last of these media. Synapse's route is `DELETE /_synapse/admin/v1/media/{serverName}/{mediaId}`. It deletes only local
 * media.
 * @throws MatrixError `M_NOT_FOUND` if there is no such media
 * @throws MatrixError `M_BAD_STATE` if the host provides no store of media files
 */
export const deleteMedia = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The server where the media was uploaded. */
    serverName: originInput,
    /** The media's id on that server. */
    mediaId: mediaIdInput,
    /** Only reports what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ serverName, mediaId }) => `mxc://${serverName}/${mediaId}`,
  dedupeKey: ({ serverName, mediaId }) => `${serverName}/${mediaId}`,
  isServed: ({ fileRemoval }) => fileRemoval !== undefined,
  begin: async (scope, { serverName: origin, mediaId }) => {
    requireFileRemoval(scope);
    if ((await findMedia(scope.transaction, { origin, mediaId })) === undefined) throw unknownMedia();
  },
  run: (work: JobScope<DeletionCounts>, { serverName: origin, mediaId }): Promise<DeletedMediaIds> =>
    deleteAsJob(work, only([{ origin, mediaId }])),
});

/** The checkpoint of `deleteUserMedia`: the media to delete, as the list had them when the job began. */
interface UserProgress extends DeletionCounts {
  readonly keys?: readonly MediaKey[];
}

/**
 * Deletes media that a local user has uploaded: those on one page of the user's list. Synapse's route is `DELETE
 * /_synapse/admin/v1/users/{userId}/media`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 * @throws MatrixError `M_BAD_STATE` if the host provides no store of media files
 */
export const deleteUserMedia = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** Sort key of the list. @defaultValue `created_ts` */
    orderBy: userMediaPage.orderBy,
    /**
     * `f` means ascending, `b` means descending. @defaultValue `f` if `orderBy` is given; otherwise `b`, so that the newest
     * come first
     */
    direction: userMediaPage.direction,
    /** Maximum number of media to delete. @defaultValue 100 */
    limit: userMediaPage.limit,
    /** Number of media to skip. @defaultValue 0 */
    from: userMediaPage.from,
    /** Only reports what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  dedupeKey: ({ userId }) => userId,
  isServed: ({ fileRemoval }) => fileRemoval !== undefined,
  begin: async (scope, { userId }) => {
    requireFileRemoval(scope);
    await requireAccount({ ...scope, db: scope.transaction }, userId);
  },
  run: async (work: JobScope<UserProgress>, { userId, orderBy, direction, limit, from }): Promise<DeletedMediaIds> => {
    const keys =
      work.checkpoint?.keys ??
      (await work.commit(async (transaction) => {
        const page = { ...orderOf({ orderBy, direction }), offset: from, limit };
        const found = await readMediaOfUser(transaction, userId, page);
        const value = found.map(({ origin, mediaId }) => ({ origin, mediaId }));
        return { checkpoint: { keys: value, total: 0, totalLength: 0 }, phase: 'look', value };
      }));
    const commit: JobScope<DeletionCounts>['commit'] = (step) =>
      work.commit(async (transaction, afterCommit) => {
        const done = await step(transaction, afterCommit);
        return { ...done, checkpoint: { ...done.checkpoint, keys } };
      });
    return deleteAsJob({ ...work, commit }, only(keys));
  },
});

/**
 * Deletes local media that are older and larger than the given limits. Protected media are not deleted. The age is the time
 * since the upload. Synapse's route is `POST /_synapse/admin/v1/media/delete`. In Synapse, the age is the time since the last
 * access, which Dendrite does not record.
 * @throws MatrixError `M_BAD_STATE` if the host provides no store of media files
 */
export const deleteOldMedia = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** Only media of this local server name are deleted. @defaultValue media of all local server names */
    origin: originInput.optional(),
    /** Media uploaded before this time are deleted, in ms since the epoch. */
    beforeTs: beforeInput,
    /** Only media with more bytes than this are deleted. @defaultValue 0 */
    sizeGt: z.int().min(0).default(0),
    /** Whether to keep the avatars in users' profiles and in the current state of rooms. @defaultValue true */
    keepProfiles: z.boolean().default(true),
    /** Only reports what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  dedupeKey: () => '',
  isServed: ({ fileRemoval }) => fileRemoval !== undefined,
  begin: async (scope, { origin }) => {
    if (origin !== undefined && !scope.localServerNames.includes(origin)) {
      throw new ParameterError(['origin'], 'Can only delete local media');
    }
    requireFileRemoval(scope);
  },
  run: (work: JobScope<DeletionCounts>, { origin, beforeTs, sizeGt, keepProfiles }): Promise<DeletedMediaIds> => {
    const filter = { origin, isLocal: true, before: beforeTs, largerThan: sizeGt };
    return deleteAsJob(work, chosen(work, filter, keepProfiles));
  },
});

/** The result of `purgeMediaCache`. */
export interface PurgedMedia {
  /** Number of deleted media. */
  readonly deleted: number;
  /** Sum of the sizes of the deleted media, in bytes. */
  readonly totalLength: number;
}

/**
 * Deletes media of other servers that this homeserver has stored, except protected media. When a user requests such a media
 * again, the homeserver fetches it again. Synapse's route is `POST /_synapse/admin/v1/purge_media_cache`. In Synapse,
 * `before_ts` is compared with the time of the last access.
 * @throws MatrixError `M_BAD_STATE` if the host provides no store of media files
 */
export const purgeMediaCache = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** Media that were fetched before this time are deleted, in ms since the epoch. */
    beforeTs: beforeInput,
    /** Only reports what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  dedupeKey: () => '',
  isServed: ({ fileRemoval }) => fileRemoval !== undefined,
  begin: async (scope) => {
    requireFileRemoval(scope);
  },
  run: async (work: JobScope<DeletionCounts>, { beforeTs }): Promise<PurgedMedia> => {
    const { total, totalLength } = await deleteAsJob(
      work,
      chosen(work, { isLocal: false, before: beforeTs, largerThan: -1 }, false),
    );
    return { deleted: total, totalLength };
  },
});

/** Yields the media that a filter selects, page by page. If `keepsAvatars` is true, leaves out avatars of users and rooms. */
async function* chosen(
  work: JobScope<DeletionCounts>,
  filter: Omit<MediaFilter, 'localServerNames'>,
  keepsAvatars: boolean,
): AsyncGenerator<readonly MediaKey[], void, undefined> {
  const { localServerNames, reader } = work;
  let after: MediaKey | undefined;
  do {
    const page = await readMediaKeys(reader(), { ...filter, localServerNames }, after, PAGE);
    yield* withoutKept(work, page, { keep: keepsAvatars ? 'avatars' : 'nothing' });
    after = page.at(-1);
  } while (after !== undefined);
}
