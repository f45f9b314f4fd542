import { describeError } from '../errors.ts';
import type { FederationSender, SigningKey } from '../host.ts';
import { type RoomId, type ServerName, splitUserId, type UserId } from '../ids.ts';
import { completeEvent } from '../matrix/complete-event.ts';
import { roomVersionOf } from '../matrix/room-version.ts';
import { withTimeLimit } from '../with-time-limit.ts';
import { orAborted } from './or-aborted.ts';

/** An invite to a room that has no local users. */
export interface RemoteInvite {
  readonly roomId: RoomId;
  readonly userId: UserId;
  /** The inviter's server, which handles the rejection. */
  readonly destination: ServerName;
}

export interface RejectionSettings {
  readonly federation: FederationSender | undefined;
  readonly signingKeys: readonly SigningKey[];
  /** Time limit for both federation requests together, in ms. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/**
 * Rejects an invite over federation. Source: Server-Server API, "Leaving Rooms (Rejecting Invites)".
 * @returns why the rejection failed, or `undefined` if it succeeded
 * @throws the reason of `signal` if it is aborted
 */
export async function rejectRemoteInvite(
  { roomId, userId, destination }: RemoteInvite,
  { federation, signingKeys, limitMs, signal }: RejectionSettings,
): Promise<string | undefined> {
  const { serverName: origin } = splitUserId(userId);
  const key = signingKeys.find(({ serverName }) => serverName === origin);
  if (key === undefined) return `there is no signing key for ${origin}`;
  if (federation?.makeLeave === undefined || federation.sendLeave === undefined) {
    return 'the homeserver sends no requests to other servers';
  }
  const options = { signal: withTimeLimit(signal, limitMs) };
  try {
    const template = await orAborted(federation.makeLeave({ origin, destination, roomId, userId }, options), options);
    const content = { membership: 'leave' };
    const own = { type: 'm.room.member', room_id: roomId, sender: userId, state_key: userId, content };
    const version = roomVersionOf(template.roomVersion);
    const { eventId, event } = completeEvent(template.event, own, version, key, Date.now());
    await orAborted(federation.sendLeave({ origin, destination, roomId, eventId, event }, options), options);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return options.signal.aborted ? `${destination} gave no answer within ${limitMs} ms` : describeError(error);
  }
}
