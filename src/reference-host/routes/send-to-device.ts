import { createHash } from 'node:crypto';
import type Router from '@koa/router';
import { z } from 'zod';
import { enqueueEdus } from '../../homeserver/index.ts';
import { isUserId, type UserId } from '../../index.ts';
import { splitUserId, toJson } from '../../matrix/index.ts';
import { announce } from '../announce.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, parameterOf } from '../request-parameters.ts';
import { requireNotSuspended } from '../require-not-suspended.ts';
import { storableText } from '../storable-text.ts';
import { storeToDeviceMessage } from '../storage/to-device-messages.ts';

const EDU = 'm.direct_to_device';
const userId = z.custom<UserId>((value) => typeof value === 'string' && isUserId(value), 'not a user id');
const devices = z.record(storableText(255), z.record(z.string(), z.unknown()));
const messagesSchema = z.object({ messages: z.record(userId, devices) });

/**
 * Adds the route for to-device messages. If a client repeats a request, local devices get the messages twice, because the
 * homeserver does not recognise the repetition. Other servers get the same `message_id` twice, and can drop the second message.
 * Source: Client-Server API, "Send-to-Device messaging".
 */
export function addSendToDeviceRoute(router: Router, context: HostContext): void {
  const { db, signingKey } = context;
  router.put(clientPaths('/sendToDevice/:type/:txnId'), async (ctx: ClientRequest) => {
    const { userId: sender, deviceId } = await authenticate(ctx, context);
    await requireNotSuspended(context, sender);
    const [type, txnId] = [parameterOf(ctx, 'type'), parameterOf(ctx, 'txnId')];
    const sent = Object.entries(bodyOf(ctx, messagesSchema).messages).map(([user, messages]) => {
      return { user: user as UserId, serverName: splitUserId(user).serverName, messages };
    });
    const remote = sent.filter(({ serverName }) => serverName !== signingKey.serverName);
    const local = sent.filter((message) => !remote.includes(message));
    await db.transaction(async (transaction) => {
      for (const { user, messages } of local) {
        for (const [target, content] of Object.entries(messages)) {
          const message = { sender, type, content };
          await storeToDeviceMessage(transaction, { userId: user, deviceId: target, message });
        }
      }
      for (const { user, serverName, messages } of remote) {
        const id = createHash('sha256').update(JSON.stringify([sender, deviceId, type, txnId, user]));
        const content = { sender, type, message_id: id.digest('base64url'), messages: { [user]: messages } };
        const edu = toJson({ edu_type: EDU, origin: signingKey.serverName, content });
        await enqueueEdus(transaction, EDU, [edu], [serverName]);
      }
    });
    const destinations = [...new Set(remote.map(({ serverName }) => serverName))];
    await announce(context, { users: local.map(({ user }) => user), destinations });
    ctx.body = {};
  });
}
