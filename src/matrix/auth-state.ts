import type { UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { AuthorisedFields } from './auth-events.ts';
import type { EventJson } from './room-version.ts';

/**
 * Looks up a state event that decides whether an event is allowed. A function of this type reads either the auth events of
 * the event that is checked, or the room's state before that event.
 */
export type AuthState = (type: string, stateKey: string) => EventJson | undefined;

/** The fields of an event that the authorisation rules read. */
export interface JudgedEvent extends AuthorisedFields {
  readonly sender: UserId;
  /** `room_id` of a create event, if it has one. */
  readonly roomId?: string | undefined;
  /** `redacts` of a redaction. Only room versions 1 and 2 check it. */
  readonly redacts?: string | undefined;
  /** What the event follows: no event, only the create event, or other events. */
  readonly follows: 'nothing' | 'create' | 'events';
}

/** The `membership` of a member event. `leave` if there is no member event. */
export function membershipOf(member: EventJson | undefined): unknown {
  return isRecord(member?.content) ? member.content.membership : 'leave';
}
