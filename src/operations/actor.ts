import { isUserId, type UserId } from '../ids.ts';

/** Who runs an operation: a user, or code of the homeserver. */
export type Actor =
  | {
      readonly kind: 'user';
      readonly userId: UserId;
      /** Account type, if the caller has just read it. @defaultValue the type that the database has */
      readonly accountType?: number;
      /** The device of the access token. @defaultValue none, for calls of the homeserver on behalf of the user */
      readonly device?: { readonly deviceId: string; readonly sessionId: number };
    }
  /** Code of the homeserver that acts on its own behalf. It may run all operations. The audit shows `name`. */
  | { readonly kind: 'system'; readonly name: string };

/** The name of an actor in the audit and in jobs: the user id, or `system:` and the name. */
export function nameOf(actor: Actor): string {
  return actor.kind === 'user' ? actor.userId : `system:${actor.name}`;
}

/** The actor with a name that `nameOf()` has returned. */
export function actorNamed(name: string): Actor {
  return isUserId(name) ? { kind: 'user', userId: name } : { kind: 'system', name: name.replace(/^system:/, '') };
}
