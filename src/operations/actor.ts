import { isUserId, type UserId } from '../ids.ts';

/** The one who runs an operation. */
export type Actor =
  | {
      readonly kind: 'user';
      readonly userId: UserId;
      /** Account type, if it has just been read. @defaultValue looked up */
      readonly accountType?: number;
      /** The device of the access token. @defaultValue none: the homeserver calls in the user's name */
      readonly device?: { readonly deviceId: string; readonly sessionId: number };
    }
  /** Code of the homeserver that acts for itself. It may do everything. The audit shows its name. */
  | { readonly kind: 'system'; readonly name: string };

/** The actor as the audit and jobs show it. */
export function nameOf(actor: Actor): string {
  return actor.kind === 'user' ? actor.userId : `system:${actor.name}`;
}

/** Reads an actor from a name that `nameOf()` has made. */
export function actorNamed(name: string): Actor {
  return isUserId(name) ? { kind: 'user', userId: name } : { kind: 'system', name: name.replace(/^system:/, '') };
}
