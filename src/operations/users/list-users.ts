import { z } from 'zod';
import { ParameterError } from '../../errors.ts';
import { isUserId } from '../../ids.ts';
import { USER_TYPES } from '../../storage/plugin/account-attributes.ts';
import { readUsers, USER_SORT_KEYS, type User, type UserFilter, type UserPage } from '../../storage/userapi/users.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/** A `from` of at most this many digits skips so many users. A longer one is a token. */
const OFFSET_DIGITS = 12;
/** Makes the token of even the shortest user id longer than that. */
const TOKEN_MARK = 'ffff';

const text = z.string().min(1).max(255).optional();

const input = inputObject({
  /** A user id, or a part of one in whatever case. */
  userId: text,
  /** A part of a localpart or a display name, in whatever case. */
  name: text,
  /** Whether guests are included. @defaultValue true */
  guests: z.boolean().default(true),
  /** Whether deactivated accounts are hidden, included, or the only ones. @defaultValue `exclude` */
  deactivated: z.enum(['exclude', 'include', 'only']).default('exclude'),
  /** Whether locked accounts are included. @defaultValue false */
  locked: z.boolean().default(false),
  /** `true`: only administrators. `false`: only others. @defaultValue both */
  admins: z.boolean().optional(),
  /** Types to leave out; `null`: people. */
  notUserTypes: z.array(z.enum(USER_TYPES).nullable()).max(10).optional(),
  /** What the list is sorted by. @defaultValue `name`, the localpart */
  sortBy: z.enum(['name', ...USER_SORT_KEYS]).default('name'),
  /** `f`: ascending; `b`: descending. @defaultValue `f` */
  direction: z.enum(['f', 'b']).default('f'),
  /** Most users on the page. @defaultValue 100 */
  limit: z.int().min(0).max(10_000).default(100),
  /** `nextToken` of the page before, or how many users to skip. @defaultValue `0` */
  from: z
    .string()
    .max(2_000)
    .regex(/^\d+$/, 'expected the token of the page before, or a number from 0 on')
    .default('0'),
});

/**
 * A page of the local users. In the default order, by name, `nextToken` continues after the last user shown. Every page then
 * costs the same, and no user is missed or shown twice. With other orders, and with numbers in `from`, the users before the
 * page are sorted or read.
 * Synapse: `GET /_synapse/admin/v2/users`, where all tokens are numbers.
 */
export const listUsers = defineOperation({
  access: 'admin',
  effect: 'read',
  input,
  run: async (
    { db, localServerNames, userTotals },
    { sortBy, direction, limit, from, ...wanted },
  ): Promise<{ users: User[]; total: number; nextToken: string | undefined }> => {
    const filter = filterOf(wanted, localServerNames);
    const start = startOf(from);
    const isByName = sortBy === 'name';
    if (start.after !== undefined && !isByName) throw badToken();
    const found = await readUsers(db, filter, {
      ...start,
      sortBy: isByName ? undefined : sortBy,
      descending: direction === 'b',
      limit: limit + 1,
    });
    const users = found.slice(0, limit);
    const last = users.at(-1);
    const hasMore = found.length > limit;
    // The end of the list is reached, so the total is known.
    const isCounted = !hasMore && start.after === undefined && (found.length > 0 || start.offset === 0);
    return {
      users,
      total: isCounted ? start.offset + found.length : await userTotals.count(filter),
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

const badToken = (): ParameterError => new ParameterError(['from'], 'not a token of this list');

/**
 * The token has only digits, because some clients treat `from` as a number: the bytes of the user id behind a mark, as a
 * number.
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
