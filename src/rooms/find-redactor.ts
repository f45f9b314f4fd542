import { type ServerName, splitUserId, type UserId } from '../ids.ts';
import { requiredLevel, requiredLevelToSend } from '../matrix/power-levels.ts';
import type { Db } from '../storage/database.ts';
import { listJoinedAmong } from '../storage/roomserver/membership.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import { findSender, readGovernance } from './governance.ts';
import type { RoomStates } from './room-states.ts';

/** Says who may redact the events of a user. */
export interface RedactorSearch {
  readonly localServerNames: readonly ServerName[];
  /** The user whose events are redacted. */
  readonly author: UserId;
  /** The only user who may redact. @defaultValue any local user, with the author first */
  readonly only?: UserId | undefined;
}

/**
 * Finds a local member of a room who can redact a user's events: the author of the events if possible, otherwise the member
 * with the highest power level. Source: Server-Server API, "Redactions". A user who redacts events of the own server needs no
 * special power level. Sending redactions needs the level for their event type.
 * @returns the user, or the reason why there is none
 */
export async function findRedactor(
  states: RoomStates,
  db: Db,
  room: StoredRoom,
  { localServerNames, author, only }: RedactorSearch,
): Promise<{ readonly redactor: UserId } | { readonly reason: string }> {
  const governance = await readGovernance(states, db, room);
  const { power, version, levelOf } = governance;
  const toSend = requiredLevelToSend(power, version, { type: 'm.room.redaction' });
  const toRedact = Math.max(toSend, requiredLevel(power, version, 'redact'));
  const authorServer = splitUserId(author).serverName;
  if (only !== undefined) {
    if ((await listJoinedAmong(db, room.roomNid, [only])).length === 0) {
      return { reason: `User ${only} is not in the room` };
    }
    const level = splitUserId(only).serverName === authorServer ? toSend : toRedact;
    return levelOf(only) < level ? { reason: `User ${only} may not redact in the room` } : { redactor: only };
  }
  const ofAuthorServer = localServerNames.filter((name) => name === authorServer);
  const redactor =
    (await findSender(db, room, governance, { serverNames: ofAuthorServer, level: toSend, preferred: author })) ??
    (await findSender(db, room, governance, { serverNames: localServerNames, level: toRedact }));
  return redactor === undefined ? { reason: 'no local user may redact in the room' } : { redactor };
}
