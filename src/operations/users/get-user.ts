import type { UserId } from '../../ids.ts';
import type { Db } from '../../storage/database.ts';
import { countMediaOfUser } from '../../storage/mediaapi/media.ts';
import { listThreepids, type Threepid } from '../../storage/userapi/threepids.ts';
import { findUser, type User } from '../../storage/userapi/users.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/** A user, with the user's e-mail addresses and telephone numbers, and with the number and the size of the user's media. */
export interface UserDetails extends User {
  readonly threepids: readonly Threepid[];
  readonly mediaCount: number;
  /** Sum of the sizes of the user's media in bytes. */
  readonly mediaLength: number;
}

/**
 * Shows one local user, active or deactivated. Synapse's route is `GET /_synapse/admin/v2/users/{userId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const getUser = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  run: async (scope, { userId }): Promise<UserDetails> => {
    requireLocal(scope, userId, 'Can only look up local users');
    return readUser(scope.db, userId);
  },
});

/** Reads a user. @throws MatrixError `M_NOT_FOUND` if the user does not exist */
export async function readUser(db: Db, userId: UserId): Promise<UserDetails> {
  const user = await findUser(db, userId);
  if (user === undefined) throw userNotFound();
  return { ...user, threepids: await listThreepids(db, userId), ...(await countMediaOfUser(db, userId)) };
}
