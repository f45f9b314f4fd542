import { type ServerName, splitUserId, type UserId } from '../ids.ts';
import { requiredLevel, requiredLevelToSend } from '../matrix/power-levels.ts';
import type { Db } from '../storage/database.ts';
import { listJoinedAmong } from '../storage/roomserver/membership.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import { findSender, readGovernance } from './governance.ts';
import type { RoomStates } from './room-states.ts';

/** For whose events to find a redactor, and who may be the redactor. */
export interface RedactorSearch {
  readonly localServerNames: readonly ServerName[];
  /** The user whose events are redacted. */
  readonly author: UserId;
  /** The only user who may be the redactor. @defaultValue any local user in the room may be the redactor */
  readonly only?: UserId | undefined;
}

/**
 * Finds a joined user of a room who can redact an author's events. If `only` is given, only this user can be the redactor.
 * Otherwise, the redactor is the author, if possible. If not, the redactor is the user with the highest power level: first
 * among the local users of the author's server, then among all local users.
 *
 * Every redactor needs the power level for sending redactions. A redactor on another server than the author also needs the
 * power level `redact`. Source: Server-Server API, "Redactions".
 * @returns the redactor. If nobody can redact the events, returns the reason.
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
