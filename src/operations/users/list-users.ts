import { z } from 'zod';
import { ParameterError } from '../../errors.ts';
import { isUserId } from '../../ids.ts';
import { USER_TYPES } from '../../storage/plugin/account-attributes.ts';
import {
  isSummarisedFilter,
  PLACE_DISTANCE,
  readSummarisedPage,
  summarisedOrder,
} from '../../storage/plugin/summarised-users.ts';
import {
  readUsers,
  readUsersAt,
  USER_SORT_KEYS,
  type User,
  type UserFilter,
  type UserPage,
} from '../../storage/userapi/users.ts';
import { defineOperation, type ReadScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/** Maximum number of digits in a `from` that is a number of users to skip. A `from` with more digits is a token. */
const OFFSET_DIGITS = 12;
/**
 * The first hexadecimal digits of each token. They make every token longer than `OFFSET_DIGITS`, even for the shortest user id.
 */
const TOKEN_MARK = 'ffff';

const text = z.string().min(1).max(255).optional();

const input = inputObject({
  /** A complete user id, or a part of one, ignoring case. @defaultValue all users */
  userId: text,
  /** A part of a localpart or a display name, ignoring case. @defaultValue all users */
  name: text,
  /** Whether guests are listed too. @defaultValue true */
  guests: z.boolean().default(true),
  /**
   * `exclude` leaves out deactivated accounts. `include` lists them too. `only` lists no other accounts. @defaultValue
   * `exclude`
   */
  deactivated: z.enum(['exclude', 'include', 'only']).default('exclude'),
  /** Whether locked accounts are listed too. @defaultValue false */
  locked: z.boolean().default(false),
  /** `true` lists only administrators. `false` lists only other users. @defaultValue all users */
  admins: z.boolean().optional(),
  /** User types that are left out. `null` stands for accounts of people. @defaultValue all types are listed */
  notUserTypes: z.array(z.enum(USER_TYPES).nullable()).max(10).optional(),
  /** Sort key of the list. @defaultValue `name`, the localpart */
  sortBy: z.enum(['name', ...USER_SORT_KEYS]).default('name'),
  /** `f` means ascending, `b` means descending. @defaultValue `f` */
  direction: z.enum(['f', 'b']).default('f'),
  /** Maximum number of users on the page. @defaultValue 100 */
  limit: z.int().min(0).max(10_000).default(100),
  /** `nextToken` of the previous page, or the number of users to skip. @defaultValue `0` */
  from: z
    .string()
    .max(2_000)
    .regex(/^\d+$/, 'must be the token of the previous page, or a number of users to skip')
    .default('0'),
});

/**
 * Lists local users, page by page. In the default order, which is by name, `nextToken` leads to the users after the last user
 * of the page. All pages then cost the same, and no user is missed or repeated. In other orders, and if `from` is a number,
 * later pages cost more, because the query also reads the users before the page. Synapse's route is `GET
 * /_synapse/admin/v2/users`. All its tokens are numbers of users to skip.
 */
export const listUsers = defineOperation({
  access: 'admin',
  effect: 'read',
  input,
  run: async (
    scope,
    { sortBy, direction, limit, from, ...wanted },
  ): Promise<{ users: User[]; total: number; nextToken: string | undefined }> => {
    const filter = filterOf(wanted, scope.localServerNames);
    const start = startOf(from);
    const isByName = sortBy === 'name';
    if (start.after !== undefined && !isByName) throw badToken();
    const page = { ...start, sortBy: isByName ? undefined : sortBy, descending: direction === 'b', limit: limit + 1 };
    const found = (await readFromSummaries(scope, filter, page)) ?? (await readUsers(scope.db, filter, page));
    const users = found.slice(0, limit);
    const last = users.at(-1);
    const hasMore = found.length > limit;
    // The page reaches the end of the list, so the total is known without counting.
    const isCounted = !hasMore && start.after === undefined && (found.length > 0 || start.offset === 0);
    return {
      users,
      total: isCounted ? start.offset + found.length : await scope.userTotals.count(filter),
      nextToken: !hasMore
        ? undefined
        : isByName && last !== undefined
          ? tokenAfter(last)
          : last === undefined
            ? from
            : String(start.offset + limit),
    };
  },
});

/** Number of users that a page by name skips at most without summaries. Accounts have an index of their own for this order. */
const FEW_SKIPPED = 1_000;

/**
 * Reads a page from the summaries. `undefined`: they do not have the list, or are incomplete, or the accounts are as quick. In
 * the order by name, the accounts are, unless the list is searched or the page is far away.
 */
async function readFromSummaries(
  { db, userTotals, isSummarised }: ReadScope,
  filter: UserFilter,
  { sortBy, descending, after, offset, limit }: UserPage,
): Promise<User[] | undefined> {
  const order = summarisedOrder(sortBy, descending);
  const isQuick = sortBy === undefined && filter.partOfName === undefined && offset <= FEW_SKIPPED;
  if (isQuick || order === undefined || !isSummarisedFilter(filter) || !(await isSummarised('users'))) return;
  if (offset < PLACE_DISTANCE) {
    return readUsersAt(db, await readSummarisedPage(db, filter, order, { after, offset }, limit));
  }
  const places = await userTotals.places(filter, order);
  const at = places[Math.floor(offset / PLACE_DISTANCE)];
  if (at === undefined) return [];
  return readUsersAt(db, await readSummarisedPage(db, filter, order, { at, offset: offset % PLACE_DISTANCE }, limit));
}

const badToken = (): ParameterError => new ParameterError(['from'], 'not a token of this list');

/**
 * Makes a token of a user id: `TOKEN_MARK` and the bytes of the user id, read as one large number. The token has only digits,
 * because some clients treat `from` as a number.
 */
function tokenAfter({ userId }: User): string {
  return BigInt(`0x${TOKEN_MARK}${Buffer.from(userId).toString('hex')}`).toString();
}

function startOf(from: string): Pick<UserPage, 'after' | 'offset'> {
  if (from.length <= OFFSET_DIGITS) return { offset: Number(from) };
  const hex = BigInt(from).toString(16);
  const userId = hex.startsWith(TOKEN_MARK) ? Buffer.from(hex.slice(TOKEN_MARK.length), 'hex').toString() : '';
  const [, localpart, serverName] = /^@([^:]*):(.+)$/s.exec(userId) ?? [];
  if (localpart === undefined || serverName === undefined || userId.includes('\0')) throw badToken();
  return { offset: 0, after: { localpart, serverName } };
}

function filterOf(
  { userId, name, deactivated, ...flags }: Omit<z.output<typeof input>, 'sortBy' | 'direction' | 'limit' | 'from'>,
  serverNames: readonly string[],
): UserFilter {
  return {
    ...flags,
    serverNames,
    partOfName: name,
    ...(userId !== undefined && (isUserId(userId) ? { userId } : { partOfUserId: userId })),
    ...(deactivated !== 'include' && { deactivated: deactivated === 'only' }),
  };
}
