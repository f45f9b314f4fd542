import { optionsJsonSchema } from './config.ts';
import { CONSOLE_PATHS } from './http/console.ts';
import { ROUTES } from './http/routes.ts';
import { METRICS } from './metrics.ts';
import { OWN_SCHEMA } from './migrations/migrations.ts';
import { OPERATIONS } from './operations/operations.ts';
import { REQUIRED_COLUMNS } from './storage/preflight.ts';
import { HOST_PRIVILEGES, HOST_SEQUENCES } from './storage/privileges.ts';

/** The fields of `package.json` that `buildManifest()` reads. */
export interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/**
 * Builds `plugin.manifest.json`. The manifest describes the package, what it needs and uses of its host, and what it adds to
 * the host. The function `loadPlugin()`, with which a host loads the plugin, enforces the manifest.
 */
export function buildManifest({
  name,
  version,
  engines,
  peerDependencies,
  peerDependenciesMeta,
}: PackageFacts): Record<string, unknown> {
  return {
    $schema: './plugin.manifest.schema.json',
    manifestVersion: 2,
    name,
    version,
    entry: { module: name, export: 'createAdminPlugin' },
    engines: { ...engines, postgresql: '>=13' },
    peerDependencies,
    optionalPeers: Object.keys(peerDependenciesMeta).filter((peer) => peerDependenciesMeta[peer]?.optional === true),
    host: {
      required: ['serverName', 'db', 'signingKeys'],
      optional: {
        virtualHosts: 'only the primary server name is local',
        logger: 'nothing is logged',
        metrics: 'no metrics',
        appservices: 'every access token belongs to a device',
        federation: 'events are queued for other servers, and no requests are sent to them',
        notifier: 'clients receive changes at their next sync',
        caches: 'the host is not told what to drop from its caches',
        media: 'administrators see media, and cannot remove media',
      },
    },
    config: optionsJsonSchema(),
    database: {
      schema: OWN_SCHEMA,
      sequences: HOST_SEQUENCES,
      tables: Object.fromEntries(
        Object.entries(REQUIRED_COLUMNS).map(([table, columns]) => [
          table,
          { columns, privileges: HOST_PRIVILEGES[table] ?? [] },
        ]),
      ),
    },
    operations: Object.fromEntries(Object.entries(OPERATIONS).map(([operation, { effect }]) => [operation, effect])),
    routes: [
      ...ROUTES.map(({ method, path, operation }) => ({ method, path, operation })),
      ...CONSOLE_PATHS.map((path) => ({ method: 'GET', path })),
    ],
    metrics: Object.fromEntries(Object.values(METRICS).map(({ name: metric, labels }) => [metric, labels])),
  };
}

/** The names of the tables that the migrations create in the plugin's own schema. */
export const OWN_TABLES: readonly string[] = [
  'abandoned_rooms',
  'account_attributes',
  'account_restrictions',
  'admin_logins',
  'approvals',
  'audit',
  'blocked_rooms',
  'bulk_items',
  'bulk_selections',
  'departures',
  'event_report_statuses',
  'history_leftovers',
  'job_items',
  'job_ranges',
  'jobs',
  'media_quarantine_changes',
  'media_removals',
  'media_standings',
  'notice_transactions',
  'purges',
  'rate_limits',
  'registration_nonces',
  'reports',
  'requirements',
  'room_summaries',
  'search_changes',
  'search_documents',
  'search_edits',
  'search_indexes',
  'summary_states',
  'user_counts',
  'user_export_parts',
  'user_summaries',
];
