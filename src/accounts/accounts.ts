import type { Knex } from 'knex';
import type { UserId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { summariseUser } from '../storage/plugin/user-summaries.ts';
import { findAccountType } from '../storage/userapi/accounts.ts';
import { ACCOUNT_TYPE } from './account-type.ts';
import type { StandingCache } from './standing-cache.ts';

export type { AccountStanding } from './standing-cache.ts';

/** Entries that the homeserver adds to `capabilities` in its answer to `GET /_matrix/client/v3/capabilities`. */
export interface AccountCapabilities {
  readonly 'm.account_moderation'?: { readonly suspend: true; readonly lock: true };
  /** The account may use the routes of the proposal MSC4390, with which administrators see, block and delete rooms. */
  readonly 'uk.timedout.msc4390'?: { readonly enabled: true };
}

/** `admin.accounts` of the plugin. The homeserver calls `check()` before it serves a user's request. */
export interface Accounts extends Pick<StandingCache, 'check'> {
  /**
   * Returns the entries of `capabilities` for an account. An administrator gets `m.account_moderation`, and
   * `uk.timedout.msc4390` if the routes of MSC4390 are switched on. Any other account gets no entries.
   */
  readonly capabilities: (userId: UserId) => Promise<AccountCapabilities>;
  /**
   * Updates the summary of an account, from which the plugin makes lists of users. Call it after you have created the account,
   * or changed its row, its profile or the list of its devices. Pass the transaction that makes the change. This transaction
   * must have locked the row of the account. Do not call it if only the time at which a device was last seen has changed.
   */
  readonly changed: (userId: UserId, options?: { readonly transaction?: Knex.Transaction }) => Promise<void>;
}

export function createAccounts(db: Db, { check }: StandingCache, { msc4390 }: { readonly msc4390: boolean }): Accounts {
  return {
    check,
    changed: (userId, { transaction } = {}) => summariseUser(transaction ?? db, userId),
    capabilities: async (userId) =>
      (await findAccountType(db, userId)) === ACCOUNT_TYPE.admin
        ? {
            'm.account_moderation': { suspend: true, lock: true },
            ...(msc4390 && { 'uk.timedout.msc4390': { enabled: true } }),
          }
        : {},
  };
}
