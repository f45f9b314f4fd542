import { z } from 'zod';
import { describeError, FederationError, MatrixError } from '../../errors.ts';
import type { FederationSender, RemoteDevices } from '../../host.ts';
import { splitUserId, type UserId } from '../../ids.ts';
import { inSlices } from '../../in-slices.ts';
import { verifyDevices } from '../../matrix/device-keys.ts';
import { orAborted } from '../../rooms/or-aborted.ts';
import { noteKeyChange } from '../../storage/keyserver/device-keys.ts';
import {
  findKeyChange,
  lockKeyChange,
  replaceRemoteDevices,
  setStale,
} from '../../storage/keyserver/remote-devices.ts';
import { isOverTime, withTimeLimit } from '../../with-time-limit.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { userIdInput } from './user-id-input.ts';

/** The checkpoint of the job. `stale` is set if the job has marked the user's device list as outdated. */
interface Progress {
  readonly stale?: true;
}

/** The result of a refresh. */
export interface RefreshedDevices {
  /** Number of the user's devices whose keys are stored after the refresh. */
  readonly devices: number;
  readonly removed: number;
  /** Number of devices that were left out because their keys have no valid signature. Absent if it is 0. */
  readonly leftOut?: number;
}

/**
 * Replaces a remote user's device keys and cross-signing keys by the keys that the user's server sends. If the server cannot be
 * reached or has failed, the job marks the user's device list as outdated and asks the server again later. Dendrite's route is
 * `POST /_dendrite/admin/refreshDevices/{userID}`. Unlike this operation, Dendrite does nothing for users without stored keys.
 * @throws MatrixError `M_NOT_FOUND` if the user's server does not know the user
 * @throws MatrixError `M_FORBIDDEN` if the user's server refuses to answer
 * @throws MatrixError `M_BAD_STATE` if the host cannot ask other servers for devices
 * @throws MatrixError 502 `M_UNKNOWN` if the answer of the user's server is invalid
 * @throws MatrixError 504 `M_UNKNOWN` if the user's server does not answer during a dry run
 */
export const refreshDevices = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The remote user. */
    userId: userIdInput,
    /** Whether to change nothing and only report what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  dedupeKey: ({ userId }) => userId,
  answersAfterFailure: true,
  begin: async ({ localServerNames, federation }, { userId }) => {
    if (localServerNames.includes(splitUserId(userId).serverName)) {
      throw new MatrixError('M_INVALID_PARAM', 'device lists of local users are not refreshed');
    }
    requireQuestion(federation);
  },
  run: async (work: JobScope<Progress>, { userId }): Promise<RefreshedDevices> => {
    for (;;) {
      const lastChange = await findKeyChange(work.reader(), userId);
      const answer = await askOrMarkStale(work, userId);
      const verified = await inSlices(verifyDevices(userId, answer), { signal: work.signal });
      const refreshed = await work.commit(async (transaction, afterCommit) => {
        const step = { checkpoint: work.checkpoint ?? {}, phase: 'write' };
        // If the homeserver has received newer keys since the request was sent, the answer may be older than these keys. The
        // job then ignores the answer and asks again.
        if ((await lockKeyChange(transaction, userId)) !== lastChange) return { ...step, value: undefined };
        const removed = await replaceRemoteDevices(transaction, userId, answer.streamId, verified);
        await setStale(transaction, userId, false);
        await noteKeyChange(transaction, userId);
        afterCommit(() => work.announce({ users: [userId] }));
        const { devices, leftOut } = verified;
        const value = { devices: devices.length, removed, ...(leftOut > 0 && { leftOut: leftOut }) };
        return { ...step, done: 1, total: 1, value };
      });
      if (refreshed !== undefined) return refreshed;
    }
  },
});

function requireQuestion(federation: FederationSender | undefined): NonNullable<FederationSender['queryDevices']> {
  if (federation?.queryDevices !== undefined) return federation.queryDevices.bind(federation);
  throw new MatrixError('M_BAD_STATE', 'this homeserver does not ask other servers for devices');
}

async function askOrMarkStale(work: JobScope<Progress>, userId: UserId): Promise<RemoteDevices> {
  try {
    return await ask(work, userId);
  } catch (error) {
    work.signal.throwIfAborted();
    if (error instanceof MatrixError) throw error;
    if (error instanceof FederationError && !isPassing(error)) throw refusalOf(error);
    if (work.dryRun) throw new MatrixError('M_UNKNOWN', describeError(error), { status: 504 });
    if (work.checkpoint?.stale !== true) {
      await work.commit(async (transaction) => {
        await setStale(transaction, userId, true);
        return { checkpoint: { stale: true }, phase: 'ask', done: 0, total: 1, value: undefined };
      });
    }
    throw error;
  }
}

async function ask(
  { federation, limits, serverName, signal }: JobScope<Progress>,
  userId: UserId,
): Promise<RemoteDevices> {
  const { serverName: destination } = splitUserId(userId);
  const options = { signal: withTimeLimit(signal, limits.federationRequestMs) };
  try {
    const answer = requireQuestion(federation)({ origin: serverName, destination, userId }, options);
    return await orAborted(answer, options);
  } catch (error) {
    if (!isOverTime(options.signal)) throw error;
    throw new FederationError('unreachable', `${destination} gave no answer in time`, { cause: error });
  }
}

/** Tells whether a later attempt may succeed, because the user's server cannot be reached, is overloaded or has failed. */
function isPassing({ reason, status = 0 }: FederationError): boolean {
  return reason === 'unreachable' || (reason === 'refused' && (status === 429 || status >= 500));
}

/**
 * Makes the error for the caller if the user's server has refused or has given an invalid answer. The error is a `MatrixError`,
 * because a `MatrixError` ends the job. After any other error, the job tries again later.
 */
function refusalOf({ reason, message, status }: FederationError): MatrixError {
  if (reason === 'bad_answer') return new MatrixError('M_UNKNOWN', message, { status: 502 });
  return new MatrixError(status === 404 ? 'M_NOT_FOUND' : 'M_FORBIDDEN', message);
}
