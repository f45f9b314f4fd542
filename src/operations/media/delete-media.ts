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

/** Number of media that one query reads. */
const PAGE = 10_000;
/**
 * The earliest time that a caller may give, which is in December 1970. An earlier time is probably a mistake of a caller who
 * gave the time in seconds. Synapse refuses the same times.
 */
const EARLIEST = 30_000_000_000;

const beforeInput = z.int().min(EARLIEST, {
  error: ({ input }) => `must be a time after 1970, in ms since the epoch or in ISO 8601${insteadOf(input)}`,
});

async function* only(keys: readonly MediaKey[]): AsyncGenerator<readonly MediaKey[], void, undefined> {
  yield keys;
}

/**
 * Deletes a media of any server, and its thumbnails. Media with the same content share a file. The job removes the file only if
 * no other media with this content is left. Synapse's route is `DELETE /_synapse/admin/v1/media/{serverName}/{mediaId}`. In
 * Synapse, the media must be local.
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
    /** Whether to only report what would happen. @defaultValue false */
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

/** The checkpoint of `deleteUserMedia`. `keys` names the media to delete, which the job has read at its beginning. */
interface UserProgress extends DeletionCounts {
  readonly keys?: readonly MediaKey[];
}

/**
 * Deletes media that a local user has uploaded. The parameters select a page of the user's media, as in `listUserMedia`. The
 * job deletes the media on this page. Synapse's route is `DELETE /_synapse/admin/v1/users/{userId}/media`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 * @throws MatrixError `M_BAD_STATE` if the host provides no store of media files
 */
export const deleteUserMedia = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** The order in which `from` and `limit` count the user's media. @defaultValue `created_ts` */
    orderBy: userMediaPage.orderBy,
    /**
     * `f` means ascending, `b` means descending. @defaultValue `f` if `orderBy` is given; otherwise `b`, so that the newest
     * media come first
     */
    direction: userMediaPage.direction,
    /** Maximum number of media to delete. @defaultValue 100 */
    limit: userMediaPage.limit,
    /** Number of media to skip. @defaultValue 0 */
    from: userMediaPage.from,
    /** Whether to only report what would happen. @defaultValue false */
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
    /** The local server name whose media are deleted. @defaultValue media of all local server names */
    origin: originInput.optional(),
    /** Only media that were uploaded before this time are deleted. The time is in ms since the epoch. */
    beforeTs: beforeInput,
    /** Only media with more bytes than this are deleted. @defaultValue 0 */
    sizeGt: z.int().min(0).default(0),
    /** Whether to keep the avatars in users' profiles and in the current state of rooms. @defaultValue true */
    keepProfiles: z.boolean().default(true),
    /** Whether to only report what would happen. @defaultValue false */
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
 * Deletes the homeserver's copies of media of other servers, except protected media. When a user requests a deleted media
 * again, the homeserver fetches it again. Synapse's route is `POST /_synapse/admin/v1/purge_media_cache`. In Synapse,
 * `before_ts` is compared with the time of the last access.
 * @throws MatrixError `M_BAD_STATE` if the host provides no store of media files
 */
export const purgeMediaCache = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** Only media that the homeserver fetched before this time are deleted. The time is in ms since the epoch. */
    beforeTs: beforeInput,
    /** Whether to only report what would happen. @defaultValue false */
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

/**
 * Yields the media that a filter selects, except protected media, in batches. If `keepsAvatars` is true, leaves out the current
 * avatars of users and rooms.
 */
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
