import { ROUTES } from './http/routes.ts';
import { METRICS } from './metrics.ts';
import { OWN_SCHEMA } from './migrations/migrations.ts';
import { JOB_OPERATIONS, OPERATIONS } from './operations/operations.ts';
import { REINDEX_KIND } from './search/reindex-job.ts';
import { REQUIRED_COLUMNS } from './storage/preflight.ts';

/** The fields of package.json that the manifest repeats. */
export interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** `plugin.manifest.json`: what the package is, needs and adds, for a host's loader and for people. */
export function buildManifest({ name, version, engines, peerDependencies }: PackageFacts): Record<string, unknown> {
  return {
    manifestVersion: 1,
    name,
    version,
    entry: { module: './dist/index.js', export: 'createAdminPlugin' },
    engines: { ...engines, postgresql: '>=13' },
    peerDependencies,
    host: {
      required: ['serverName', 'db', 'signingKeys'],
      optional: {
        virtualHosts: 'only the primary server name is local',
        logger: 'nothing is logged',
        metrics: 'no metrics',
        appservices: "every access token is a device's",
        federation: 'events are queued for other servers, which are asked nothing',
        notifier: 'nobody is told of changes; clients learn at their next sync',
        caches: 'nobody is told of changes',
      },
      tables: REQUIRED_COLUMNS,
    },
    ownTables: { schema: OWN_SCHEMA, tables: OWN_TABLES },
    routes: ROUTES.map(({ method, path, operation }) => ({
      method,
      path,
      operation,
      access: OPERATIONS[operation].access,
      effect: OPERATIONS[operation].effect,
    })),
    jobs: [REINDEX_KIND, ...JOB_OPERATIONS],
    hooks: Object.keys(OPERATIONS),
    metrics: Object.values(METRICS).map(({ name: metric, type, labels }) => ({ name: metric, type, labels })),
  };
}

/** The tables that the migrations make, in the plugin's own schema. */
export const OWN_TABLES: readonly string[] = [
  'account_attributes',
  'account_restrictions',
  'audit',
  'blocked_rooms',
  'event_report_statuses',
  'job_items',
  'job_ranges',
  'jobs',
  'notice_transactions',
  'purges',
  'rate_limits',
  'registration_nonces',
  'requirements',
  'search_changes',
  'search_documents',
  'search_edits',
  'search_indexes',
];
