import { randomBytes } from 'node:crypto';
import type { JobData } from '../../jobs/job.ts';

/** Length of a random password, in bytes. */
const PASSWORD_BYTES = 24;

/**
 * How a bulk operation calls another operation for each item of a selection. A selection is the list that `planBulk` stores. An
 * item is a user or a room.
 */
interface BulkTarget {
  readonly items: 'users' | 'rooms';
  /** The parameters of the operation that the administrator may set. All items get the same values. */
  readonly options: readonly string[];
  /**
   * Makes the operation's input for one item.
   * @param call unique id of the call; if a resumed job repeats the call, the id is the same
   */
  readonly input: (id: string, options: JobData, call: string) => JobData;
}

const user = (userId: string, options: JobData): JobData => ({ ...options, userId });
const room = (roomId: string, options: JobData): JobData => ({ ...options, roomId });

/** Operations that can run on many users or rooms at once. */
export const BULK_TARGETS = {
  deactivateUser: { items: 'users', options: ['erase', 'remove'], input: user },
  evacuateUser: { items: 'users', options: [], input: user },
  redactUserEvents: {
    items: 'users',
    options: ['reason', 'limit', 'types', 'media'],
    input: (userId, options) => ({ ...options, userId, rooms: [] }),
  },
  resetPassword: {
    items: 'users',
    options: [],
    // The password is random, and nobody learns it. `logoutDevices` logs the user out.
    input: (userId) => ({ userId, password: randomBytes(PASSWORD_BYTES).toString('base64url'), logoutDevices: true }),
  },
  setUserSuspended: {
    items: 'users',
    options: ['suspended'],
    input: (userId, options) => ({ suspended: true, ...options, userId }),
  },
  sendServerNotice: {
    items: 'users',
    options: ['content', 'type', 'stateKey'],
    input: (userId, options, call) => ({ ...options, userId, transactionId: call }),
  },
  evacuateRoom: { items: 'rooms', options: ['invites', 'knocks'], input: room },
  deleteRoom: { items: 'rooms', options: ['block', 'purge', 'forcePurge'], input: room },
  purgeHistory: { items: 'rooms', options: ['upToTs', 'deleteLocalEvents', 'media'], input: room },
  purgeRoom: { items: 'rooms', options: ['evacuate', 'block', 'reason', 'keep'], input: room },
} satisfies Readonly<Record<string, BulkTarget>>;

export type BulkOperationName = keyof typeof BULK_TARGETS;

export const BULK_NAMES = Object.keys(BULK_TARGETS) as [BulkOperationName, ...BulkOperationName[]];

/** Returns the entry of `BULK_TARGETS` for an operation. */
export const bulkTargetNamed = (name: BulkOperationName): BulkTarget => BULK_TARGETS[name];

export const isBulkOperation = (name: string): name is BulkOperationName => Object.hasOwn(BULK_TARGETS, name);
