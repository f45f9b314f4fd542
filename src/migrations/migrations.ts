import type { Knex } from 'knex';
import { foundation } from './0001-foundation.ts';
import { rooms } from './0002-rooms.ts';
import { notices } from './0003-notices.ts';
import { jobErrors } from './0004-job-errors.ts';
import { registration } from './0005-registration.ts';
import { moderation } from './0006-moderation.ts';
import { accountAttributes } from './0007-account-attributes.ts';
import { jobTargets } from './0008-job-targets.ts';
import { jobCleanUps } from './0009-job-clean-ups.ts';
import { jobItems } from './0010-job-items.ts';
import { requirements } from './0011-requirements.ts';
import { jobProgress } from './0012-job-progress.ts';

import { reindexJobs } from './0013-reindex-jobs.ts';
import { reports } from './0014-reports.ts';
import { bulk } from './0015-bulk.ts';
import { accountStanding } from './0016-account-standing.ts';
import { abandonedRooms } from './0017-abandoned-rooms.ts';
import { searchAnalysis } from './0018-search-analysis.ts';
import { approvals } from './0019-approvals.ts';
import { adminLogins } from './0020-admin-logins.ts';
import { media } from './0021-media.ts';
import { departures } from './0022-departures.ts';
import { summaries } from './0023-summaries.ts';
import { userSummaries } from './0024-user-summaries.ts';
import { historyLeftovers } from './0025-history-leftovers.ts';
import { userExports } from './0026-user-exports.ts';
import { searchSample } from './0027-search-sample.ts';
import { followStateEvent } from './0028-follow-state-event.ts';
import { userCounts } from './0029-user-counts.ts';

/** The schema of the plugin's own tables. */
export const OWN_SCHEMA = 'matrix_admin';

interface NamedMigration extends Knex.Migration {
  readonly name: string;
}

const ALL: readonly NamedMigration[] = [
  foundation,
  rooms,
  notices,
  jobErrors,
  registration,
  moderation,
  accountAttributes,
  jobTargets,
  jobCleanUps,
  jobItems,
  requirements,
  jobProgress,
  reindexJobs,
  reports,
  bulk,
  accountStanding,
  abandonedRooms,
  searchAnalysis,
  approvals,
  adminLogins,
  media,
  departures,
  summaries,
  userSummaries,
  historyLeftovers,
  userExports,
  searchSample,
  followStateEvent,
  userCounts,
];

/** Tells whether this version of the plugin contains a migration with this name. */
export function isKnownMigration(name: string): boolean {
  return ALL.some((migration) => migration.name === name);
}

/** The plugin's migrations. This file imports them statically, so that bundlers find them. */
const migrationSource: Knex.MigrationSource<NamedMigration> = {
  getMigrations: async () => [...ALL],
  getMigrationName: (migration) => migration.name,
  getMigration: async (migration) => migration,
};

/** Knex's settings for the migrations of the plugin's own tables. */
export const migrationConfig: Knex.MigratorConfig = {
  migrationSource,
  schemaName: OWN_SCHEMA,
  tableName: 'migrations',
  // Without this setting, Knex refuses to work if a newer version of the plugin has run a migration that this version does not
  // contain. `migrateOwnSchema()` refuses to work only if older versions cannot use the tables after such a migration.
  disableMigrationsListValidation: true,
};
