import { z } from 'zod';
import { splitUserId, type UserId } from '../../ids.ts';
import { insertReport } from '../../storage/plugin/reports.ts';
import { findNids } from '../../storage/roomserver/nids.ts';
import { isAccount } from '../../storage/userapi/accounts.ts';
import { defineOperation, type WriteScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { userNotFound } from '../users/local-account.ts';
import { userIdInput } from '../users/user-id-input.ts';

/**
 * Reports a user to the administrators. The homeserver calls this operation from its route `POST users/{userId}/report`. The
 * reported user may belong to another server if the homeserver knows the user from a room. For an unknown user, the operation
 * fails with `M_NOT_FOUND`. The homeserver's route may then answer `200`, to hide which accounts exist. Source: Client-Server
 * API, "Reporting Content".
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const reportUser = defineOperation({
  access: 'self-or-admin',
  effect: 'write',
  input: inputObject({
    /** The local user who makes the report. */
    reporter: userIdInput,
    /** The reported user. */
    userId: userIdInput,
    /** Why `reporter` reports the user. @defaultValue no reason */
    reason: z.string().max(10_000).default(''),
  }),
  target: ({ reporter }) => reporter,
  run: async (scope, { reporter, userId, reason }): Promise<{ reportId: number }> => {
    if (!(await isKnown(scope, userId))) throw userNotFound();
    return { reportId: await insertReport(scope.transaction, 'user', { reported: userId, reporter, reason }) };
  },
});

async function isKnown({ transaction, localServerNames }: WriteScope, userId: UserId): Promise<boolean> {
  if (localServerNames.includes(splitUserId(userId).serverName)) return isAccount(transaction, userId);
  const { stateKeys } = await findNids(transaction, { stateKeys: [userId] });
  return stateKeys.has(userId);
}
