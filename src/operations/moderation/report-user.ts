import { z } from 'zod';
import { splitUserId, type UserId } from '../../ids.ts';
import { insertReport } from '../../storage/plugin/reports.ts';
import { findNids } from '../../storage/roomserver/nids.ts';
import { isAccount } from '../../storage/userapi/accounts.ts';
import { defineOperation, type OperationScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { userNotFound } from '../users/local-account.ts';
import { userIdInput } from '../users/user-id-input.ts';

/**
 * Reports a user to the administrators. The homeserver calls it for its route `POST users/{userId}/report`.
 * Client-Server API, "Reporting Content". Users of other servers can be reported, too, once the homeserver has met them in a
 * room. An unknown user is `M_NOT_FOUND`. The route may answer `200` then, so that it does not tell who has an account.
 */
export const reportUser = defineOperation({
  access: 'self-or-admin',
  effect: 'write',
  input: inputObject({
    /** The local user who reports. */
    reporter: userIdInput,
    /** The user who is reported. */
    userId: userIdInput,
    /** Why the user reports it. @defaultValue no reason */
    reason: z.string().max(10_000).default(''),
  }),
  target: ({ reporter }) => reporter,
  run: async (scope, { reporter, userId, reason }): Promise<{ reportId: number }> => {
    if (!(await isKnown(scope, userId))) throw userNotFound();
    return { reportId: await insertReport(scope.transaction, 'user', { reported: userId, reporter, reason }) };
  },
});

async function isKnown({ transaction, localServerNames }: OperationScope, userId: UserId): Promise<boolean> {
  if (localServerNames.includes(splitUserId(userId).serverName)) return isAccount(transaction, userId);
  const { stateKeys } = await findNids(transaction, { stateKeys: [userId] });
  return stateKeys.has(userId);
}
