import type { UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { AuthorisedFields } from './auth-events.ts';
import type { EventJson } from './room-version.ts';

/**
 * Looks up a state event that decides whether another event is allowed. Some functions of this type read the auth events of the
 * event to check. Others read the room's state before that event.
 */
export type AuthState = (type: string, stateKey: string) => EventJson | undefined;

/** The fields of an event that the authorisation rules read. */
export interface JudgedEvent extends AuthorisedFields {
  readonly sender: UserId;
  /** The field `room_id`. The rules read it only from create events. `undefined` if the event has no such field. */
  readonly roomId?: string | undefined;
  /** The id of the event that a redaction redacts. Only the rules of room versions 1 and 2 read this id. */
  readonly redacts?: string | undefined;
  /** Which events come before this event: none, only the create event, or other events too. */
  readonly follows: 'nothing' | 'create' | 'events';
}

/** Returns the `membership` of a member event, or `leave` if there is no member event. */
export function membershipOf(member: EventJson | undefined): unknown {
  return isRecord(member?.content) ? member.content.membership : 'leave';
}
