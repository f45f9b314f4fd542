import { z } from 'zod';
import type { EventId } from '../../ids.ts';
import { findNotice, storeNotice } from '../../storage/plugin/notice-transactions.ts';
import { nameOf } from '../actor.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireLocal } from '../users/local-account.ts';
import { userIdInput } from '../users/user-id-input.ts';
import { noticeInput, requireNotices } from './notice-input.ts';

/**
 * Sends a notice, which is a message from the server, to a local user. Dendrite's route is `POST
 * /_synapse/admin/v1/send_server_notice`. Unlike this operation, Dendrite drops all content except `msgtype` and `body`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 * @throws MatrixError `M_BAD_JSON` if the content is not allowed in an event, or if an `m.room.message` lacks `msgtype` or
 * `body`
 * @throws MatrixError `M_UNRECOGNIZED` if server notices are switched off
 * @throws MatrixError `M_TOO_LARGE` if the event is too large
 */
export const sendServerNotice = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** Type of the event. Types that govern a room, such as `m.room.member`, are refused. @defaultValue `m.room.message` */
    type: noticeInput.type,
    /** The state key, if the notice is a state event. @defaultValue the notice is not a state event */
    stateKey: noticeInput.stateKey,
    /** Content of the event. An `m.room.message` needs `msgtype` and `body`. */
    content: noticeInput.content,
    /** The local user who gets the notice. */
    userId: userIdInput,
    /**
     * Transaction id. If the same actor repeats the call with the same id within seven days, the call returns the first result.
     * @defaultValue every call sends a notice
     */
    transactionId: z.string().min(1).max(255).optional(),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { transactionId, ...notice }): Promise<{ eventId: EventId }> => {
    const { transaction } = scope;
    const actor = nameOf(scope.actor);
    const sent = transactionId === undefined ? undefined : await findNotice(transaction, actor, transactionId);
    if (sent !== undefined) return { eventId: sent };
    const serverNotices = requireNotices(scope.serverNotices, notice);
    requireLocal(scope, notice.userId, 'Server notices can only be sent to local users');
    const { eventId, appended } = await serverNotices.send(transaction, notice);
    if (transactionId !== undefined) await storeNotice(transaction, actor, transactionId, eventId);
    const { roomId, destinations } = appended;
    scope.afterCommit(() => scope.announce({ rooms: [roomId], users: [notice.userId], destinations }));
    return { eventId };
  },
});
