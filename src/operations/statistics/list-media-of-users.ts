import { z } from 'zod';
import { ParameterError } from '../../errors.ts';
import { MEDIA_ORDERS, type MediaOfUser, readMediaOfUsers } from '../../storage/mediaapi/media-of-users.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { timeInput } from '../server/time-input.ts';

/**
 * Lists users who have uploaded media, page by page, with the number and the total size of their media. Each call reads all
 * rows of local media, because Dendrite has no index on the uploader. Synapse's route is `GET
 * /_synapse/admin/v1/statistics/users/media`.
 */
export const listMediaOfUsers = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Sort key of the list. @defaultValue `user_id` */
    orderBy: z.enum(MEDIA_ORDERS).default('user_id'),
    /** `f` means ascending, `b` means descending. @defaultValue `f` */
    direction: z.enum(['f', 'b']).default('f'),
    /** Maximum number of users on the page. @defaultValue 100 */
    limit: z.int().min(0).max(1_000).default(100),
    /** `nextToken` of the previous page, which is the number of users to skip. @defaultValue 0 */
    from: z.int().min(0).default(0),
    /** Only users whose localpart or display name contains this text, ignoring case. @defaultValue all users */
    searchTerm: z.string().min(1).max(255).optional(),
    /** Only uploads at or after this time count, in ms since the epoch. @defaultValue all uploads */
    fromTs: timeInput.optional(),
    /** Only uploads at or before this time count, in ms since the epoch. @defaultValue all uploads */
    untilTs: timeInput.optional(),
  }),
  run: async (
    { db, localServerNames },
    { orderBy, direction, limit, from, searchTerm, fromTs: since, untilTs: until },
  ): Promise<{ users: MediaOfUser[]; total: number; nextToken: number | undefined }> => {
    if (since !== undefined && until !== undefined && until < since) {
      throw new ParameterError(['untilTs'], 'must not be before the time from which uploads count');
    }
    const { users, total } = await readMediaOfUsers(
      db,
      { localServerNames, searchTerm, since, until },
      { orderBy, isReversed: direction === 'b', offset: from, limit },
    );
    return { users, total, nextToken: from + users.length < total ? from + users.length : undefined };
  },
});
