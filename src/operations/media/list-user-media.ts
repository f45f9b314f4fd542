import { z } from 'zod';
import {
  countMediaOfUser,
  readMediaOfUser,
  type StoredMedia,
  USER_MEDIA_ORDERS,
} from '../../storage/mediaapi/media.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireAccount } from '../users/local-account.ts';
import { userIdInput } from '../users/user-id-input.ts';

/** Input fields that select a page of a user's media. The input of `listUserMedia` describes them. */
export const userMediaPage = {
  orderBy: z.enum(USER_MEDIA_ORDERS).optional(),
  direction: z.enum(['f', 'b']).optional(),
  limit: z.int().min(0).max(10_000).default(100),
  from: z.int().min(0).default(0),
};

/**
 * Returns the order of a page. If the input lacks `orderBy` or `direction`, uses the defaults that the input of `listUserMedia`
 * describes.
 */
export const orderOf = ({
  orderBy,
  direction,
}: {
  readonly orderBy?: (typeof USER_MEDIA_ORDERS)[number] | undefined;
  readonly direction?: 'f' | 'b' | undefined;
}) => ({
  orderBy: orderBy ?? ('created_ts' as const),
  isReversed: (direction ?? (orderBy === undefined ? 'b' : 'f')) === 'b',
});

/**
 * Lists the media that a local user has uploaded, page by page. `total` is the number of all media of the user, and
 * `totalLength` is the sum of their sizes. Each call reads all rows of media, because Dendrite has no index on the uploader.
 * Synapse's route is `GET /_synapse/admin/v1/users/{userId}/media`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const listUserMedia = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** Sort key of the list. @defaultValue `created_ts` */
    orderBy: userMediaPage.orderBy,
    /**
     * `f` means ascending, `b` means descending. @defaultValue `f` if `orderBy` is given; otherwise `b`, so that the newest
     * media come first
     */
    direction: userMediaPage.direction,
    /** Maximum number of media on the page. @defaultValue 100 */
    limit: userMediaPage.limit,
    /** `nextToken` of the previous page, which is the number of media to skip. @defaultValue 0 */
    from: userMediaPage.from,
  }),
  run: async (
    scope,
    { userId, orderBy, direction, limit, from },
  ): Promise<{ media: StoredMedia[]; total: number; totalLength: number; nextToken: number | undefined }> => {
    await requireAccount(scope, userId);
    const { mediaCount: total, mediaLength: totalLength } = await countMediaOfUser(scope.db, userId);
    const page = { ...orderOf({ orderBy, direction }), offset: from, limit };
    const media = await readMediaOfUser(scope.db, userId, page);
    const nextToken = from + media.length < total ? from + media.length : undefined;
    return { media, total, totalLength, nextToken };
  },
});
