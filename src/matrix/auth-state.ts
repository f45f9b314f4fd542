import type { UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { AuthorisedFields } from './auth-events.ts';
import type { EventJson } from './room-version.ts';

/**
 * Looks up a state event that decides whether another event is allowed. One such function reads the auth events of the event
 * that is checked. Another one reads the room's state before that event.
 */
export type AuthState = (type: string, stateKey: string) => EventJson | undefined;

/** The fields of an event that the authorisation rules read. */
export interface JudgedEvent extends AuthorisedFields {
  readonly sender: UserId;
  /** The `room_id` of a create event. `undefined` if it has none. */
  readonly roomId?: string | undefined;
  /** The `redacts` of a redaction. Only the rules of room versions 1 and 2 read it. */
  readonly redacts?: string | undefined;
  /** What comes before the event: nothing, only the create event, or other events too. */
  readonly follows: 'nothing' | 'create' | 'events';
}

/** Returns the `membership` of a member event, or `leave` if there is no member event. */
export function membershipOf(member: EventJson | undefined): unknown {
  return isRecord(member?.content) ? member.content.membership : 'leave';
}
