import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { CONSOLE_PATHS } from '../src/http/console.ts';
import { ROUTES } from '../src/http/routes.ts';
import { createAdminPlugin } from '../src/index.ts';
import { manifestJsonSchema } from '../src/loader/manifest.ts';
import { buildManifest, OWN_TABLES } from '../src/manifest.ts';
import { METRICS } from '../src/metrics.ts';
import { OPERATIONS } from '../src/operations/operations.ts';
import { grantsFor } from '../src/storage/privileges.ts';
import { grafanaDashboard } from './monitoring/grafana-dashboard.ts';
import { createTestDatabase } from './support/database.ts';
import { createSigningKey, SERVER_NAME } from './support/dendrite-server.ts';
import { expectGenerated, markdownTable } from './support/generated-file.ts';
import { SYNAPSE_PAGES, type SynapseEndpoint } from './synapse-endpoints.ts';

const root = new URL('../', import.meta.url);

async function packageFacts(): Promise<Parameters<typeof buildManifest>[0]> {
  return JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
}

it('the manifest matches the code', async () => {
  await expectGenerated('plugin.manifest.json', `${JSON.stringify(buildManifest(await packageFacts()), null, 2)}\n`);
});

it("the JSON Schema of the manifest matches the loader's checks", async () => {
  await expectGenerated('plugin.manifest.schema.json', `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
});

const GRANTS = `-- The privileges that the plugin needs. Run this once in the homeserver's database, as its owner, after the
-- homeserver has created its tables. The tests run the plugin under a role that has only these privileges.
-- CREATE ROLE matrix_admin_plugin LOGIN PASSWORD '...';`;

it('docs/grants.sql has every privilege that the manifest declares', async () => {
  await expectGenerated('docs/grants.sql', `${GRANTS}\n${grantsFor('matrix_admin_plugin').join(';\n')};\n`);
});

const PROCESSES = `Counters and histograms are per process. Add them up across processes:
\`sum by (operation, outcome) (rate(matrix_admin_operations_total[5m]))\`.

Gauges of jobs, reports, federation queues and the search index are read from the database, so every process shows the same
values. Take one of them: \`max by (kind, state) (matrix_admin_jobs)\`. A sum would count each job once for every process. Two
gauges are per process: database connections, and unfinished batches at the search engine:
\`sum by (engine) (matrix_admin_search_tasks_in_flight)\`.

[monitoring/](../monitoring/README.md) has alert rules, runbooks and a dashboard.

A job is stuck if \`time() - max by (kind) (matrix_admin_job_last_progress_timestamp_seconds) > 600\`.`;

it('docs/metrics.md has every metric', async () => {
  const rows = Object.values(METRICS).map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  await expectGenerated(
    'docs/metrics.md',
    `# Metrics\n\nThe plugin adds these metrics to the host's registry. No label holds user data or an id.\n\n${PROCESSES}\n\n${markdownTable(['metric', 'type', 'labels', 'meaning'], rows)}\n`,
  );
});

it('the dashboard shows every metric, and each alert has a runbook', async () => {
  const dashboard = `${JSON.stringify(grafanaDashboard(), null, 2)}\n`;
  expect(Object.values(METRICS).filter(({ name }) => !dashboard.includes(name))).toEqual([]);
  await expectGenerated('monitoring/dashboard.json', dashboard);
  const rules = await readFile(new URL('monitoring/alerts.yml', root), 'utf8');
  const alertsByRunbook = [...rules.matchAll(/alert: (\w+)[\s\S]*?runbook_url: (\S+)/g)];
  expect(alertsByRunbook.length).toBeGreaterThan(5);
  for (const [, alert = '', runbook = ''] of alertsByRunbook) {
    expect(await readFile(new URL(runbook, root), 'utf8')).toContain(`Alert: \`${alert}\`.`);
  }
});

const TIMES = `Times in queries (\`since\` and \`until\` of jobs and audit) are in ms since the epoch, or in ISO 8601: \`2026-01-02\`,
\`2026-01-02T03:04:05Z\`, \`2026-01-02T03:04+01:00\`. Without an offset they are in UTC. \`since\` is inclusive, \`until\` is not.`;

it('docs/routes.md has every route', async () => {
  const rows = ROUTES.map(({ method, path, operation }) => [
    `\`${method} ${path}\``,
    `\`${operation}\``,
    OPERATIONS[operation].access,
    OPERATIONS[operation].effect,
  ]);
  await expectGenerated(
    'docs/routes.md',
    `# Routes\n\n${TIMES}\n\n${markdownTable(['route', 'operation', 'access', 'effect'], rows)}\n`,
  );
});

/** Removes the names of parameters from an endpoint, so that it can be compared with Synapse's documentation. */
const shapeOf = (endpoint: string): string => endpoint.replaceAll(/[:*]\w+|\{\w+\}/g, '{}');
const withPrefix = (endpoint: string): string => endpoint.replace(/ (?!\/)/, ' /_synapse/admin/');

const ROUTE_SHAPES = new Set(ROUTES.map(({ method, path }) => shapeOf(`${method} ${path}`)));
const isServed = ({ endpoint }: SynapseEndpoint): boolean => ROUTE_SHAPES.has(shapeOf(withPrefix(endpoint)));

function stateOf(endpoint: SynapseEndpoint): string {
  if (!isServed(endpoint)) return `not: ${endpoint.missing ?? ''}`;
  return endpoint.differs === undefined ? 'served' : `served, differs: ${endpoint.differs}`;
}

it('each endpoint of Synapse is served, or test/synapse-endpoints.ts says why not', () => {
  const endpoints = SYNAPSE_PAGES.flatMap((page) => page.endpoints);
  const shapes = endpoints.map(({ endpoint }) => shapeOf(withPrefix(endpoint)));
  expect(shapes.filter((shape, at) => shapes.indexOf(shape) !== at)).toEqual([]);
  const unexplained = endpoints.filter((endpoint) => !isServed(endpoint) && endpoint.missing === undefined);
  expect(unexplained, 'not served, and no reason').toEqual([]);
  const outdated = endpoints.filter((endpoint) => isServed(endpoint) && endpoint.missing !== undefined);
  expect(outdated, 'served, and still a reason why not').toEqual([]);
  const premature = endpoints.filter((endpoint) => !isServed(endpoint) && endpoint.differs !== undefined);
  expect(premature, 'not served, and a difference').toEqual([]);
});

const ENDPOINTS = `The endpoints of Synapse's admin API, by page of its documentation. The state comes from the route table.
[Differences from Synapse](differences-from-synapse.md) has more details.`;

it('docs/synapse-endpoints.md has every endpoint of Synapse', async () => {
  const known = new Set(
    SYNAPSE_PAGES.flatMap(({ endpoints }) => endpoints.map(({ endpoint }) => shapeOf(withPrefix(endpoint)))),
  );
  const pages = SYNAPSE_PAGES.map(({ page, endpoints }) => {
    const rows = endpoints.map((endpoint) => [`\`${withPrefix(endpoint.endpoint)}\``, stateOf(endpoint)]);
    return `## ${page}\n\n${markdownTable(['endpoint', 'state'], rows)}\n`;
  });
  const own = ROUTES.map(({ method, path, operation }) => ({ route: `${method} ${path}`, operation }))
    .filter(({ route }) => route.includes(' /_synapse/') && !known.has(shapeOf(route)))
    .map(({ route, operation }) => [`\`${route}\``, `\`${operation}\``]);
  await expectGenerated(
    'docs/synapse-endpoints.md',
    `# Endpoints of Synapse\n\n${ENDPOINTS}\n\n${pages.join('\n')}\n## Only here\n\n${markdownTable(['route', 'operation'], own)}\n`,
  );
});

it('the listed tables are the tables that start() creates', async () => {
  const database = await createTestDatabase();
  const admin = createAdminPlugin({ serverName: SERVER_NAME, db: database.db, signingKeys: [createSigningKey()] });
  try {
    await admin.start();
    const { rows } = await database.db.raw(
      `SELECT table_name FROM information_schema.tables
       WHERE table_schema = 'matrix_admin' AND table_name NOT LIKE 'migrations%' ORDER BY table_name`,
    );
    expect(rows.map((row: { table_name: string }) => row.table_name)).toEqual(OWN_TABLES);
  } finally {
    await admin.stop();
    await database.drop();
  }
});

it('the router has the routes of the manifest, the console, and otherwise only refusals', async () => {
  const database = await createTestDatabase();
  const admin = createAdminPlugin(
    { serverName: SERVER_NAME, db: database.db, signingKeys: [createSigningKey()] },
    { serverNotices: {}, registration: { sharedSecret: 'x' }, unstable: { msc4390: true } },
  );
  const served = admin.router.stack
    .filter((layer) => layer.methods.length <= 2 && !layer.methods.includes('OPTIONS'))
    .map((layer) => `${layer.methods.filter((method) => method !== 'HEAD').join()} ${String(layer.path)}`);
  expect(served).toEqual([
    ...ROUTES.filter(({ when }) => when === undefined).map(({ method, path }) => `${method} ${path}`),
    ...CONSOLE_PATHS.map((path) => `GET ${path}`),
  ]);
  await admin.stop();
  await database.drop();
});
