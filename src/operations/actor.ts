import { isUserId, type UserId } from '../ids.ts';

/** Who runs an operation: a user, or code of the homeserver. */
export type Actor =
  | {
      readonly kind: 'user';
      readonly userId: UserId;
      /**
       * Dendrite's `account_type` of the user, if the code that makes the call has just read it from the database.
       * @defaultValue the plugin reads the account type itself
       */
      readonly accountType?: number;
      /**
       * The device of the user's access token. Absent if the homeserver's code makes the call for the user, without an access
       * token.
       */
      readonly device?: { readonly deviceId: string; readonly sessionId: number };
    }
  /**
   * Code of the homeserver that acts on its own behalf. Such code may run all operations. The audit shows the `name` of the
   * code.
   */
  | { readonly kind: 'system'; readonly name: string };

/** Returns the name that an actor has in the audit and in jobs: the user id, or `system:` and the name of the code. */
export function nameOf(actor: Actor): string {
  return actor.kind === 'user' ? actor.userId : `system:${actor.name}`;
}

/** Returns the actor for a name that `nameOf()` has made. */
export function actorNamed(name: string): Actor {
  return isUserId(name) ? { kind: 'user', userId: name } : { kind: 'system', name: name.replace(/^system:/, '') };
}
