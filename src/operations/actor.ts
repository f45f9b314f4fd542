import { isUserId, type UserId } from '../ids.ts';

/** Who runs an operation. */
export type Actor =
  | {
      readonly kind: 'user';
      readonly userId: UserId;
      /** As it was read for this call. @defaultValue looked up */
      readonly accountType?: number;
    }
  /** Code of the homeserver acting for itself, by a name for the audit. Is allowed everything. */
  | { readonly kind: 'system'; readonly name: string };

/** The actor as the audit and jobs show it. */
export function nameOf(actor: Actor): string {
  return actor.kind === 'user' ? actor.userId : `system:${actor.name}`;
}

/** The actor that `nameOf()` has named. */
export function actorNamed(name: string): Actor {
  return isUserId(name) ? { kind: 'user', userId: name } : { kind: 'system', name: name.replace(/^system:/, '') };
}
