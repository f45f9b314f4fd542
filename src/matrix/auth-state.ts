import type { UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { AuthorisedFields } from './auth-events.ts';
import type { EventJson } from './room-version.ts';

/**
 * Looks up a state event that decides whether another event is allowed. Returns `undefined` if there is no such state event.
 * Some functions of this type look among the auth events of the event to check. Others look in the room's state before that
 * event.
 */
export type AuthState = (type: string, stateKey: string) => EventJson | undefined;

/** What the authorisation rules need to know of the event that they check. */
export interface JudgedEvent extends AuthorisedFields {
  readonly sender: UserId;
  /** The field `room_id`. The rules read it only from create events. `undefined` if the event has no such field. */
  readonly roomId?: string | undefined;
  /** The id of the event that a redaction redacts. Only the rules of room versions 1 and 2 read this id. */
  readonly redacts?: string | undefined;
  /** Which previous events the event has: none, only the create event, or other events. */
  readonly follows: 'nothing' | 'create' | 'events';
}

/**
 * Returns the `membership` of a member event. Returns `leave` if there is no member event, or if its content is not an object.
 */
export function membershipOf(member: EventJson | undefined): unknown {
  return isRecord(member?.content) ? member.content.membership : 'leave';
}
