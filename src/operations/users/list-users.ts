import { z } from 'zod';
import { ParameterError } from '../../errors.ts';
import { isUserId } from '../../ids.ts';
import { USER_TYPES } from '../../storage/plugin/account-attributes.ts';
import { isSummarisedFilter, readSummarisedPage, summarisedOrder } from '../../storage/plugin/summarised-users.ts';
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

/**
 * The input field `from` is a number of users to skip, or a token. If `from` has at most this many digits, it is a number of
 * users. Tokens have more digits.
 */
const OFFSET_DIGITS = 12;
/**
 * Hexadecimal digits before the user id in each token. Because of these digits, the token of even the shortest user id has more
 * than `OFFSET_DIGITS` decimal digits.
 */
const TOKEN_MARK = 'ffff';

const text = z.string().min(1).max(255).optional();

const input = inputObject({
  /** Only the user with this id, or only users whose ids contain this text, ignoring case. @defaultValue all users */
  userId: text,
  /** Only users whose localpart or display name contains this text, ignoring case. @defaultValue all users */
  name: text,
  /** Whether to list guests too. @defaultValue true */
  guests: z.boolean().default(true),
  /**
   * `exclude` leaves out deactivated accounts. `include` lists deactivated accounts too. `only` lists only deactivated
   * accounts. @defaultValue `exclude`
   */
  deactivated: z.enum(['exclude', 'include', 'only']).default('exclude'),
  /** Whether to list locked accounts too. @defaultValue false */
  locked: z.boolean().default(false),
  /** `true` lists only administrators. `false` lists only other users. @defaultValue all users */
  admins: z.boolean().optional(),
  /** User types that the list leaves out. `null` means accounts that belong to a person. @defaultValue no type is left out */
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
 * of the page. So all pages cost the same, and the pages neither miss nor repeat a user. In other orders, or if `from` is a
 * number, later pages cost more, because the query also reads the users before the page. Synapse's route is `GET
 * /_synapse/admin/v2/users`. In Synapse, all tokens are numbers of users to skip.
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
    // If `from` is a number and the page reaches the end of the list, the total is known without counting.
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

/**
 * A page that skips at most this many users is quickly read from the beginning of the list. In the order of names, reading it
 * from the accounts table is just as fast as reading it from the summary tables, because the accounts table has an index for
 * this order.
 */
const FEW_SKIPPED = 1_000;

/**
 * Reads a page from the summary tables, which are the plugin's own tables with what a list shows about each user. Returns
 * `undefined` if the caller should read the accounts table instead: the summaries do not support this filter or order, or are
 * incomplete, or the accounts table is just as fast. The accounts table is just as fast in the order of names, without a search
 * by name, for offsets up to `FEW_SKIPPED`.
 */
async function readFromSummaries(
  { db, userTotals, isSummarised }: ReadScope,
  filter: UserFilter,
  { sortBy, descending, after, offset, limit }: UserPage,
): Promise<User[] | undefined> {
  const order = summarisedOrder(sortBy, descending);
  const isQuick = sortBy === undefined && filter.partOfName === undefined && offset <= FEW_SKIPPED;
  if (isQuick || order === undefined || !isSummarisedFilter(filter) || !(await isSummarised('users'))) return;
  return readUsersAt(
    db,
    await (offset <= FEW_SKIPPED
      ? readSummarisedPage(db, filter, order, { after, offset }, limit)
      : userTotals.page(filter, order, offset, limit)),
  );
}

const badToken = (): ParameterError => new ParameterError(['from'], 'not a token of this list');

/**
 * Makes the token that leads to the users after the given user. The token is `TOKEN_MARK` and the bytes of the user id in
 * hexadecimal, read as one large number and written in decimal. The token has only digits, because some clients treat `from` as
 * a number.
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
