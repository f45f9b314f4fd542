import { z } from 'zod';
import { FederationError, MatrixError } from '../../errors.ts';
import type { FederationSender } from '../../host.ts';
import { isServerName, type ServerName, splitUserId, type UserId } from '../../ids.ts';
import { inSlices } from '../../in-slices.ts';
import { roomVersionOf } from '../../matrix/room-version.ts';
import {
  type DownloadedState,
  fetchState,
  isStateSource,
  type StateQuestion,
  type StateSource,
} from '../../rooms/fetch-state.ts';
import { readDeepest } from '../../storage/roomserver/events.ts';
import { findRoom, type StoredRoom } from '../../storage/roomserver/rooms.ts';
import { withTimeLimit } from '../../with-time-limit.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from './room-id-input.ts';

/**
 * Maximum number of forward extremities at which the job requests the state. Forward extremities are the events that no other
 * event follows yet. A new event can refer to at most 20 of them.
 */
const MAX_EXTREMITIES = 20;
/** Maximum number of users whom the job tries as the sender of the event that brings the new state into the room. */
const MAX_SENDERS = 20;

/** How the room's state has changed, in numbers of events. */
export interface StateDownload {
  readonly added: number;
  readonly removed: number;
  /**
   * Number of events from the other server that the job has left out because they are malformed, lack a valid signature, or are
   * not allowed.
   */
  readonly leftOut?: number;
}

/**
 * Replaces a room's state by the state that another server has, after checking signatures and authorisation rules. Requests the
 * state at each forward extremity of the room, at most 20. If these states differ, the state resolution of the room version
 * decides. Dendrite's route is `GET /_dendrite/admin/downloadState/{serverName}/{roomID}`. Unlike this operation, Dendrite uses
 * the last state if the states differ.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 * @throws MatrixError `M_BAD_STATE` if the host cannot ask other servers for state
 * @throws MatrixError 502 `M_UNKNOWN` if the answer of the other server is invalid
 * @throws MatrixError 504 `M_UNKNOWN` if the other server does not answer
 */
export const downloadState = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The server to ask for the state. This server must be in the room. */
    serverName: z.custom<ServerName>((value) => typeof value === 'string' && isServerName(value), 'not a server name'),
    /** The room. */
    roomId: roomIdInput,
    /** Whether to only report what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ roomId }) => roomId,
  dedupeKey: ({ roomId }) => roomId,
  begin: async ({ transaction, localServerNames, federation }, { roomId, serverName }) => {
    const room = await findRoom(transaction, roomId);
    if (room === undefined || room.latestEventNids.length === 0) {
      throw new MatrixError('M_NOT_FOUND', 'room does not exist');
    }
    if (localServerNames.includes(serverName)) {
      throw new MatrixError('M_INVALID_PARAM', 'state is downloaded from other servers, not from this one');
    }
    requireStateSource(federation);
  },
  run: async (work, { roomId, serverName }): Promise<StateDownload> => {
    const room = await findRoom(work.reader(), roomId);
    if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'room does not exist');
    const downloaded = await ask(work, room, serverName);
    const senders = await inSlices(sendersOf(work, downloaded));
    return work.commit(async (transaction, afterCommit) => {
      const { destinations, added, removed } = await work.roomWriter.replaceState(transaction, roomId, {
        downloaded,
        expectedNids: room.latestEventNids,
        senders,
      });
      afterCommit(() => work.announce({ rooms: [roomId], destinations }));
      const { leftOut } = downloaded;
      const value = { added, removed, ...(leftOut > 0 && { leftOut: leftOut }) };
      return { checkpoint: {}, phase: 'write', done: 1, total: 1, value };
    });
  },
});

function requireStateSource(federation: FederationSender | undefined): StateSource {
  if (isStateSource(federation)) return federation;
  throw new MatrixError('M_BAD_STATE', 'this homeserver does not ask other servers for state');
}

async function ask(work: JobScope, room: StoredRoom, destination: ServerName): Promise<DownloadedState> {
  const { federation, limits } = work;
  const extremities = await readDeepest(work.reader(), room.latestEventNids, MAX_EXTREMITIES);
  const question: StateQuestion = {
    roomId: room.roomId,
    version: roomVersionOf(room.version),
    eventIds: extremities.map(({ eventId }) => eventId),
    origin: work.serverName,
    destination,
  };
  try {
    return await fetchState(requireStateSource(federation), question, {
      requestSignal: () => withTimeLimit(work.signal, limits.federationRequestMs),
      signal: work.signal,
    });
  } catch (error) {
    work.signal.throwIfAborted();
    // A `MatrixError` is an answer to the caller and ends the job. After any other error, the job is tried again later.
    if (error instanceof DOMException && error.name === 'TimeoutError')
      throw new MatrixError('M_UNKNOWN', `${destination} gave no answer in time`, { status: 504 });
    if (error instanceof FederationError) throw new MatrixError('M_UNKNOWN', error.message, { status: 502 });
    throw error;
  }
}

/**
 * Returns the candidates for the sender of the event that brings the new state into the room: first the administrator who has
 * called the operation, then local users who are joined in the new state. Yields for each event of the state, so that the
 * caller can let other work run in between.
 */
function* sendersOf(
  { actor, localServerNames }: JobScope,
  { state }: DownloadedState,
): Generator<undefined, UserId[], undefined> {
  const senders = new Set<UserId>(actor.kind === 'user' ? [actor.userId] : []);
  for (const { type, content, sender } of state) {
    yield;
    if (senders.size >= MAX_SENDERS) break;
    const isJoin = type === 'm.room.member' && content.membership === 'join';
    if (isJoin && localServerNames.includes(splitUserId(sender).serverName)) senders.add(sender);
  }
  return [...senders];
}
