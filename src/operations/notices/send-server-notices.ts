import { createHash } from 'node:crypto';
import { z } from 'zod';
import { describeError, MatrixError } from '../../errors.ts';
import { splitUserId, type UserId } from '../../ids.ts';
import { canonicalJson } from '../../matrix/canonical-json.ts';
import type { Appended } from '../../rooms/room-writer.ts';
import { countPeople, listPeople } from '../../storage/userapi/accounts.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import type { Failure } from '../rooms/evacuate-members.ts';
import { userIdInput } from '../users/user-id-input.ts';
import { noticeInput, requireNotices } from './notice-input.ts';

/** Number of users to whom one step sends the notice. */
const BATCH = 20;
/** Maximum number of failures that the result lists. Further failures are only counted. */
const MAX_FAILURES = 1_000;

interface Progress {
  readonly after: UserId | undefined;
  readonly total: number;
  readonly sent: number;
  readonly failures: number;
  readonly failed: readonly Failure[];
}

/**
 * Sends a notice, which is a message from the server, to the given local users, or to all people with an account. In the second
 * case, guests, application services and deactivated accounts get no notice. Each user gets the notice only once, even if the
 * process crashes while the job runs.
 * @throws MatrixError `M_BAD_JSON` if the content is not allowed in an event, or if an `m.room.message` lacks `msgtype` or
 * `body`
 * @throws MatrixError `M_UNRECOGNIZED` if server notices are switched off
 * @throws MatrixError `M_TOO_LARGE` if the event is too large
 */
export const sendServerNotices = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** Type of the event. Types that govern a room, such as `m.room.member`, are refused. @defaultValue `m.room.message` */
    type: noticeInput.type,
    /** The state key, if the notice is a state event. @defaultValue the notice is not a state event */
    stateKey: noticeInput.stateKey,
    /** Content of the event. An `m.room.message` needs `msgtype` and `body`. */
    content: noticeInput.content,
    /** The local users who get the notice. @defaultValue all people with an account */
    userIds: z.array(userIdInput).min(1).max(1_000).optional(),
    /** Whether to only report what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  // A call with the same notice to the same people waits for the unfinished job. A call with another notice starts its own job
  // at once.
  dedupeKey: (input) =>
    createHash('sha256')
      .update(canonicalJson(JSON.parse(JSON.stringify(input))))
      .digest('base64url'),
  begin: async ({ serverNotices, localServerNames }, { userIds = [], ...notice }) => {
    requireNotices(serverNotices, notice);
    const remote = userIds.find((userId) => !localServerNames.includes(splitUserId(userId).serverName));
    if (remote !== undefined) {
      throw new MatrixError('M_INVALID_PARAM', `Server notices can only be sent to local users, not to ${remote}`);
    }
  },
  run: async (
    work: JobScope<Progress>,
    { userIds, ...notice },
  ): Promise<{ sent: number; failures?: number; failed?: readonly Failure[] }> => {
    const serverNotices = requireNotices(work.serverNotices, notice);
    const listed = userIds && [...new Set(userIds)].sort();
    let progress = work.checkpoint ?? {
      after: undefined,
      total: listed?.length ?? (await countPeople(work.reader(), work.localServerNames)),
      sent: 0,
      failures: 0,
      failed: [],
    };
    for (let isDone = false; !isDone; ) {
      isDone = await work.commit(async (transaction, afterCommit) => {
        const { after } = progress;
        const next = listed
          ? listed.filter((userId) => after === undefined || userId > after).slice(0, BATCH)
          : await listPeople(transaction, work.localServerNames, after, BATCH);
        await serverNotices.begin(transaction, next);
        const failed: Failure[] = [];
        const written: Appended[] = [];
        for (const userId of next) {
          try {
            // Sends the notice to each user in a savepoint. If the notice to one user fails, only the savepoint is rolled back.
            written.push(
              (await transaction.transaction((inner) => serverNotices.send(inner, { ...notice, userId }))).appended,
            );
          } catch (error) {
            if (!(error instanceof MatrixError)) throw error;
            // The list of all people contains the account that sends the notices. It cannot send a notice to itself
            // (`M_NOT_FOUND`), which does not count as a failure.
            if (userIds !== undefined || error.errcode !== 'M_NOT_FOUND') {
              failed.push({ id: userId, reason: describeError(error) });
            }
          }
        }
        afterCommit(() =>
          work.announce({
            rooms: written.map(({ roomId }) => roomId),
            users: next,
            destinations: [...new Set(written.flatMap(({ destinations }) => destinations))],
          }),
        );
        progress = {
          after: next.at(-1) ?? after,
          total: progress.total,
          sent: progress.sent + written.length,
          failures: progress.failures + failed.length,
          failed: [...progress.failed, ...failed].slice(0, MAX_FAILURES),
        };
        const { sent, failures, total } = progress;
        return { checkpoint: progress, phase: 'send', done: sent + failures, total, value: next.length < BATCH };
      });
    }
    const { sent, failures, failed } = progress;
    return { sent, ...(failures > 0 && { failures, failed }) };
  },
});
