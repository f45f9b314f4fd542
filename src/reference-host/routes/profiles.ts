import type Router from '@koa/router';
import { z } from 'zod';
import { findProfile, type Profile, updateProfile } from '../../homeserver/index.ts';
import { MatrixError } from '../../index.ts';
import { announce } from '../announce.ts';
import { authenticateOwn } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, userIdOf } from '../request-parameters.ts';
import { requireNotSuspended } from '../require-not-suspended.ts';
import { showProfile } from '../rooms/show-profile.ts';
import { storableText } from '../storable-text.ts';

const text = storableText(1_000);
const changesSchema = z.object({ displayname: text.optional(), avatar_url: text.optional() });
type Field = keyof z.output<typeof changesSchema>;

const fieldsOf = ({ displayName, avatarUrl }: Profile): { [Name in Field]?: string } => ({
  ...(displayName !== '' && { displayname: displayName }),
  ...(avatarUrl !== '' && { avatar_url: avatarUrl }),
});

/** Adds the routes for display names and avatars of local users. Source: Client-Server API, "Profiles". */
export function addProfileRoutes(router: Router, context: HostContext): void {
  const { db } = context;
  const read = async (ctx: ClientRequest): Promise<{ [Name in Field]?: string }> => {
    const profile = await findProfile(db, userIdOf(ctx));
    if (profile === undefined) throw new MatrixError('M_NOT_FOUND', 'No profile of this user is known');
    return fieldsOf(profile);
  };
  router.get(clientPaths('/profile/:userId'), async (ctx: ClientRequest) => {
    ctx.body = await read(ctx);
  });
  for (const field of ['displayname', 'avatar_url'] as const) {
    router.get(clientPaths(`/profile/:userId/${field}`), async (ctx: ClientRequest) => {
      const { [field]: value } = await read(ctx);
      ctx.body = value === undefined ? {} : { [field]: value };
    });
    router.put(clientPaths(`/profile/:userId/${field}`), async (ctx: ClientRequest) => {
      const userId = await authenticateOwn(ctx, context);
      await requireNotSuspended(context, userId);
      // A client removes the field with `null`, with an empty text, or by leaving the field out of the body.
      const { [field]: value = '' } = bodyOf(ctx, changesSchema);
      const changes = { displayName: undefined, avatarUrl: undefined };
      const change = field === 'displayname' ? { displayName: value } : { avatarUrl: value };
      await db.transaction((transaction) => updateProfile(transaction, userId, { ...changes, ...change }));
      await announce(context, { users: [userId] });
      await showProfile(context, userId);
      ctx.body = {};
    });
  }
}
