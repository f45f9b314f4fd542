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

/** Most items of a selection. */
const MAX_ITEMS = 10_000;
/** How long a selection can be used, in ms. */
const LIFETIME_MS = 3_600_000;
/** Rooms that are listed at a time. */
const PAGE = 1_000;

const userFilter = listUsers.input.omit({ sortBy: true, direction: true, limit: true, from: true }).strict();
const roomFilter = listRooms.input.omit({ orderBy: true, direction: true, limit: true, from: true }).strict();

const input = inputObject({
  /** The operation that is done to each user or room. */
  operation: z.enum(BULK_NAMES),
  /**
   * There are no other plans. Requests call it `dry_run`, and must say it, so that nobody takes a plan for the real thing.
   * @defaultValue true
   */
  onlyPlans: z.literal(true, 'must be true: the answer has the token that runs what it lists').default(true),
  /** The users. Only for operations on users. */
  userIds: z.array(userIdInput).min(1).max(MAX_ITEMS).optional(),
  /** The rooms. Only for operations on rooms. */
  roomIds: z.array(roomIdInput).min(1).max(MAX_ITEMS).optional(),
  /** Instead of user ids: filters of `listUsers`. */
  userFilter: userFilter.optional(),
  /** Instead of room ids: filters of `listRooms`. */
  roomFilter: roomFilter.optional(),
  /** Parameters of the operation that all items share. @defaultValue none */
  options: z.record(z.string(), z.unknown()).default({}),
});
type Input = z.output<typeof input>;

/** What a bulk operation is about to do. */
export interface BulkPlan {
  /** Runs the plan, once, within an hour. */
  readonly token: string;
  readonly operation: string;
  readonly total: number;
  /** All user ids or room ids that `runBulk` will touch. */
  readonly items: readonly string[];
  /** In ms since the epoch. */
  readonly expiresTs: number;
}

/**
 * Lists the users or rooms that a bulk operation is about to touch, and keeps the list. `runBulk` touches these and no others,
 * even if the filter finds others by then.
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
      throw new ParameterError(['options', unknown], `it is not an option of ${operation}; there are: ${names}`);
    }
    const items = await itemsOf(scope, wanted);
    const [first] = items;
    // All items share the options, so one of them shows whether they are right.
    if (first !== undefined) scope.calls.check(operation, inputOf(first, options, 'plan'));
    const selection = { operation, options, items, createdBy: nameOf(scope.actor) };
    const { token, expiresAt } = await insertBulkSelection(scope.transaction, selection, LIFETIME_MS);
    return { token, operation, total: items.length, items, expiresTs: expiresAt };
  },
});

/** The items, each once. @throws MatrixError unless the selection is of the right kind, and just one */
async function itemsOf(scope: ReadScope, wanted: Input): Promise<string[]> {
  const { items } = bulkTargetNamed(wanted.operation);
  const [ids, filter] = items === 'users' ? (['userIds', 'userFilter'] as const) : (['roomIds', 'roomFilter'] as const);
  for (const name of ['userIds', 'userFilter', 'roomIds', 'roomFilter'] as const) {
    if (wanted[name] !== undefined && name !== ids && name !== filter) {
      throw new ParameterError([name], `${wanted.operation} is for ${items}`);
    }
  }
  const { [ids]: named, [filter]: filtered } = wanted;
  if ((named === undefined) === (filtered === undefined)) {
    throw new MatrixError('M_MISSING_PARAM', `Give either a list of ${items} or a filter of ${items}`);
  }
  if (named !== undefined) return [...new Set<string>(named)];
  return items === 'users' ? findUsers(scope, wanted.userFilter) : findRooms(scope, wanted.roomFilter);
}

async function findUsers(scope: ReadScope, filter: Input['userFilter']): Promise<string[]> {
  const page = listUsers.input.parse({ ...filter, limit: MAX_ITEMS });
  const { users, nextToken } = await listUsers.run(scope, page);
  if (nextToken !== undefined) throw tooMany('userFilter');
  return users.map(({ userId }) => userId);
}

async function findRooms(scope: ReadScope, filter: Input['roomFilter']): Promise<string[]> {
  const found: string[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const { rooms, total, nextBatch } = await listRooms.run(
      scope,
      listRooms.input.parse({ ...filter, limit: PAGE, from }),
    );
    if (total > MAX_ITEMS) throw tooMany('roomFilter');
    found.push(...rooms.map(({ roomId }) => roomId));
    from = nextBatch;
  }
  return found;
}

const tooMany = (parameter: string): ParameterError =>
  new ParameterError([parameter], `it finds more than ${MAX_ITEMS}; narrow it`);
