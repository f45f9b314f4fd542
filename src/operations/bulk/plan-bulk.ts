import { z } from 'zod';
import { MatrixError, ParameterError } from '../../errors.ts';
import { insertBulkSelection } from '../../storage/plugin/bulk-selections.ts';
import { nameOf } from '../actor.ts';
import { defineOperation, type ReadScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { listRooms } from '../rooms/list-rooms.ts';
import { roomIdInput } from '../rooms/room-id-input.ts';
import { listUsers } from '../users/list-users.ts';
import { userIdInput } from '../users/user-id-input.ts';
import { BULK_NAMES, bulkTargetNamed } from './bulk-targets.ts';

/** Maximum number of users or rooms in a selection. A selection is the list that a plan stores. */
const MAX_ITEMS = 10_000;
/** How long a selection can be used, in ms. */
const LIFETIME_MS = 3_600_000;
/** Number of rooms that one query reads. */
const PAGE = 1_000;

const userFilter = listUsers.input.omit({ sortBy: true, direction: true, limit: true, from: true }).strict();
const roomFilter = listRooms.input.omit({ orderBy: true, direction: true, limit: true, from: true }).strict();

const input = inputObject({
  /** The operation to run on each user or room. */
  operation: z.enum(BULK_NAMES),
  /**
   * Must be `true`, because `planBulk` changes no user and no room. HTTP requests must contain this field as `dry_run`, so that
   * nobody expects the request to run the plan. @defaultValue true
   */
  onlyPlans: z.literal(true, 'must be true: the answer is only a plan, with a token that runs the plan').default(true),
  /** The users. Allowed only if `operation` works on users. */
  userIds: z.array(userIdInput).min(1).max(MAX_ITEMS).optional(),
  /** The rooms. Allowed only if `operation` works on rooms. */
  roomIds: z.array(roomIdInput).min(1).max(MAX_ITEMS).optional(),
  /** Filters of `listUsers` that select the users, instead of `userIds`. */
  userFilter: userFilter.optional(),
  /** Filters of `listRooms` that select the rooms, instead of `roomIds`. */
  roomFilter: roomFilter.optional(),
  /** Parameters of the operation, the same for all users or rooms. @defaultValue no parameters */
  options: z.record(z.string(), z.unknown()).default({}),
});
type Input = z.output<typeof input>;

/** The plan of a bulk operation. */
export interface BulkPlan {
  /** The token with which `runBulk` runs the plan. The token can be used once, within an hour. */
  readonly token: string;
  readonly operation: string;
  readonly total: number;
  /** The ids of all users or rooms that `runBulk` will change. */
  readonly items: readonly string[];
  /** When the token expires, in ms since the epoch. */
  readonly expiresTs: number;
}

/**
 * Plans an operation on many users or rooms: makes the list of users or rooms, and stores it. `runBulk` changes only the users
 * or rooms on this list, even if other users or rooms match the filter later.
 */
export const planBulk = defineOperation({
  access: 'admin',
  effect: 'write',
  input,
  target: ({ operation }) => operation,
  run: async (scope, wanted): Promise<BulkPlan> => {
    const { operation, options } = wanted;
    const { options: known, input: inputOf } = bulkTargetNamed(operation);
    const unknown = Object.keys(options).find((name) => !known.includes(name));
    if (unknown !== undefined) {
      const names = known.length === 0 ? 'none' : known.join(', ');
      throw new ParameterError(['options', unknown], `${operation} has no such option. The options are: ${names}`);
    }
    const items = await itemsOf(scope, wanted);
    const [first] = items;
    // All users or rooms get the same options, so it is enough to check the input for the first one.
    if (first !== undefined) scope.calls.check(operation, inputOf(first, options, 'plan'));
    const selection = { operation, options, items, createdBy: nameOf(scope.actor) };
    const { token, expiresAt } = await insertBulkSelection(scope.transaction, selection, LIFETIME_MS);
    return { token, operation, total: items.length, items, expiresTs: expiresAt };
  },
});

/**
 * Returns the selected ids without duplicates.
 * @throws MatrixError if the input has both a list and a filter or neither, if the input selects rooms for an operation on
 * users or users for an operation on rooms, or if the filter finds more than `MAX_ITEMS` items
 */
async function itemsOf(scope: ReadScope, wanted: Input): Promise<string[]> {
  const { items } = bulkTargetNamed(wanted.operation);
  const [ids, filter] = items === 'users' ? (['userIds', 'userFilter'] as const) : (['roomIds', 'roomFilter'] as const);
  for (const name of ['userIds', 'userFilter', 'roomIds', 'roomFilter'] as const) {
    if (wanted[name] !== undefined && name !== ids && name !== filter) {
      throw new ParameterError([name], `${wanted.operation} works on ${items}`);
    }
  }
  const { [ids]: named, [filter]: filtered } = wanted;
  if ((named === undefined) === (filtered === undefined)) {
    throw new MatrixError('M_MISSING_PARAM', `Give either a list of ${items} or a filter of ${items}`);
  }
  if (named !== undefined) return [...new Set<string>(named)];
  return items === 'users' ? findUsers(scope, wanted.userFilter) : findRooms(scope, wanted.roomFilter);
}

/** Makes a scope with which lists do not read the summary tables, because a summary may be wrong. */
const unsummarised = (scope: ReadScope): ReadScope => ({ ...scope, isSummarised: async () => false });

async function findUsers(scope: ReadScope, filter: Input['userFilter']): Promise<string[]> {
  const page = listUsers.input.parse({ ...filter, limit: MAX_ITEMS });
  const { users, nextToken } = await listUsers.run(unsummarised(scope), page);
  if (nextToken !== undefined) throw tooMany('userFilter');
  return users.map(({ userId }) => userId);
}

async function findRooms(scope: ReadScope, filter: Input['roomFilter']): Promise<string[]> {
  const found: string[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const { rooms, total, nextBatch } = await listRooms.run(
      unsummarised(scope),
      listRooms.input.parse({ ...filter, limit: PAGE, from }),
    );
    if (total > MAX_ITEMS) throw tooMany('roomFilter');
    found.push(...rooms.map(({ roomId }) => roomId));
    from = nextBatch;
  }
  return found;
}

const tooMany = (parameter: string): ParameterError =>
  new ParameterError([parameter], `the filter finds more than ${MAX_ITEMS} items; set more filters`);
