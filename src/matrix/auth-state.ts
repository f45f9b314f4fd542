import type { UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { AuthorisedFields } from './auth-events.ts';
import type { EventJson } from './room-version.ts';

/** Finds state that an event is judged by: that of its auth events, or that before it. */
export type AuthState = (type: string, stateKey: string) => EventJson | undefined;

/** An event, as far as it is judged. */
export interface JudgedEvent extends AuthorisedFields {
  readonly sender: UserId;
  /** Of create events, where they have one. */
  readonly roomId?: string | undefined;
  /** Of redactions in room versions 1 and 2. */
  readonly redacts?: string | undefined;
  /** What is before it: nothing, the create event alone, or more. */
  readonly follows: 'nothing' | 'create' | 'events';
}

/** `membership` of a member event; `leave` where there is none. */
export function membershipOf(member: EventJson | undefined): unknown {
  return isRecord(member?.content) ? member.content.membership : 'leave';
}
