import type { Knex } from 'knex';
import type { ApplyEvents, Events } from '../host.ts';
import type { ServerName } from '../ids.ts';
import { followEvents } from '../storage/plugin/follow-events.ts';
import { retryConflicts, transact } from '../storage/transact.ts';

/**
 * Creates `admin.events`, with which the homeserver tells the plugin about new events. `apply()` first updates the plugin's
 * summary rows of the rooms, and then the search index, because a transaction must take the locks of the search index last.
 * @param applyToSearch updates the search index
 */
export function createEvents(db: Knex, applyToSearch: ApplyEvents, localServerNames: readonly ServerName[]): Events {
  return {
    apply: async (events, options = {}) => {
      const follow = (transaction: Knex.Transaction): Promise<void> =>
        followEvents(transaction, events, localServerNames);
      await (options.transaction === undefined
        ? retryConflicts(() => transact(db, follow))
        : follow(options.transaction));
      await applyToSearch(events, options);
    },
  };
}
