import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminPluginOptions } from '../../src/config.ts';
import type { Host } from '../../src/host.ts';
import { type LoadedPlugin, loadPlugin } from '../../src/loader/index.ts';
import type { Manifest } from '../../src/loader/manifest.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createSigningKey, SERVER_NAME } from '../support/dendrite-server.ts';

const FILE = new URL('../../plugin.manifest.json', import.meta.url);
/** Finds packages as a package manager installs them. The plugin itself is the source code under test. */
const resolve = (specifier: string): string =>
  specifier === 'koa-matrix-admin'
    ? new URL('../../src/index.ts', import.meta.url).href
    : import.meta.resolve(specifier);

let database: TestDatabase;
let manifest: Manifest;

beforeAll(async () => {
  database = await createTestDatabase({ fixture: true });
  manifest = JSON.parse(await readFile(FILE, 'utf8'));
});

afterAll(async () => {
  await database.drop();
});

const host = (parts: object = {}): Host => ({
  serverName: SERVER_NAME,
  db: database.pluginDb,
  signingKeys: [createSigningKey()],
  ...parts,
});

/** Loads the plugin, and stops it after `use`. */
async function load<T>(
  changes: object,
  use: (plugin: LoadedPlugin) => T | Promise<T>,
  { parts = {}, config = {} }: { parts?: object; config?: AdminPluginOptions } = {},
): Promise<T> {
  const plugin = await loadPlugin({ ...manifest, ...changes }, host(parts), config, { resolve });
  try {
    return await use(plugin);
  } finally {
    await plugin.stop();
  }
}

/** Returns the error with which a changed manifest is refused. */
const refusal = async (changes: object, parts: object = {}, config: object = {}): Promise<string> =>
  load(changes, () => 'loaded', { parts, config }).catch((error: Error) => error.message);

const without = (value: object, key: string): object =>
  Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));

describe('a plugin loaded by its manifest', () => {
  it('starts and runs operations from a path, a URL or an object', async () => {
    for (const source of [FILE, fileURLToPath(FILE), manifest]) {
      const plugin = await loadPlugin(source, host(), {}, { resolve });
      const { rooms } = await plugin.operations.listRooms({}, { actor: { kind: 'system', name: 'test' } });
      expect(rooms.length).toBeGreaterThan(0);
      await plugin.stop();
    }
  });

  it('reports what is degraded and why', async () => {
    const { status, degraded } = await load({}, ({ health }) => health());
    expect(status).toBe('degraded');
    expect(degraded).toContainEqual({ part: 'host.notifier', consequence: manifest.host.optional['notifier'] });
    expect(degraded.map(({ part }) => part)).toContain('POST /_synapse/admin/v1/register');
  });

  it('is healthy if nothing is missing, and has failed if the database does not answer', async () => {
    const parts = {
      virtualHosts: [],
      logger: createCapturedLogger(),
      metrics: { registry: new Registry() },
      appservices: [],
      federation: { wake: () => undefined },
      notifier: { roomsChanged: () => undefined, usersChanged: () => undefined },
      caches: { dropRooms: () => undefined, dropUsers: () => undefined },
      media: { remove: async () => {}, sizeOf: async () => undefined },
    };
    const config = { serverNotices: {}, registration: { sharedSecret: 'secret' } };
    const other = await createTestDatabase();
    const plugin = await loadPlugin(manifest, host({ ...parts, db: other.pluginDb }), config, { resolve });
    const healthy = await plugin.health();
    await plugin.stop();
    await other.pluginDb.destroy();
    expect(healthy).toEqual({ status: 'ok', degraded: [] });
    expect(await plugin.health()).toMatchObject({ status: 'failed', error: expect.any(String) });
    await other.drop();
  });
});

describe('a field of the manifest', () => {
  it.each([
    'manifestVersion',
    'name',
    'version',
    'entry',
    'engines',
    'peerDependencies',
    'optionalPeers',
    'host',
    'config',
    'database',
    'operations',
    'routes',
    'metrics',
  ] as const)('%s is required', async (field) => {
    const taken = without(manifest, field);
    await expect(loadPlugin(taken, host(), {}, { resolve })).rejects.toThrow(`manifest.${field} is missing`);
    expect(Object.keys(taken)).toHaveLength(Object.keys(manifest).length - 1);
  });

  it('that is unknown is refused', async () => {
    expect(await refusal({ permissions: [] })).toContain('permissions');
  });

  it.each([
    ['another format', { manifestVersion: 1 }, 'manifest.manifestVersion'],
    ['another package', { name: 'other-plugin' }, 'other-plugin'],
    ['another version', { version: '9.9.9' }, 'koa-matrix-admin must have the version 9.9.9'],
    ['another Node', { engines: { node: '>=99', postgresql: '>=13' } }, 'Node must have the version >=99, but has'],
    [
      'another PostgreSQL',
      { engines: { node: '>=20', postgresql: '>=99' } },
      'PostgreSQL must have the version >=99, but has',
    ],
    ['an invalid range', { engines: { node: 'new', postgresql: '>=13' } }, 'which is not a semver range'],
    ['another peer', { peerDependencies: { koa: '^99.0.0' }, optionalPeers: [] }, 'npm install koa@"^99.0.0"'],
    [
      'a peer that is missing',
      { peerDependencies: { nothing: '^1.0.0' }, optionalPeers: [] },
      'nothing ^1.0.0 is not installed',
    ],
    [
      'an optional peer that is not a peer',
      { optionalPeers: ['koa', 'nothing'] },
      'manifest.optionalPeers names nothing',
    ],
  ])('that asks for %s keeps the plugin out', async (_name, changes, reason) => {
    expect(await refusal(changes)).toContain(reason);
  });

  it('that names an optional peer allows it to be missing', async () => {
    const peers = { peerDependencies: { ...manifest.peerDependencies, nothing: '^1.0.0' } };
    expect(await refusal({ ...peers, optionalPeers: [...manifest.optionalPeers, 'nothing'] })).toBe('loaded');
  });

  it('that names the entry selects it', async () => {
    expect(await refusal({ entry: { ...manifest.entry, export: 'createNothing' } })).toContain(
      'has no function createNothing',
    );
    expect(await refusal({ entry: { ...manifest.entry, module: 'no-such-package' } })).toContain('no-such-package');
  });

  it('that requires a part of the host is enforced', async () => {
    const required = { host: { ...manifest.host, required: [...manifest.host.required, 'telephone'] } };
    expect(await refusal(required)).toContain('host.telephone is missing');
    expect(await refusal({}, { signingKeys: undefined })).toContain('host.signingKeys is missing');
  });

  it('that omits a part of the host hides it from the plugin', async () => {
    const optional = without(manifest.host.optional, 'notifier');
    expect(await refusal({ host: { ...manifest.host, optional } })).toContain('does not declare host.notifier');
  });

  it('that describes the options refuses all others before the plugin is imported', async () => {
    const message = await refusal(
      { entry: { ...manifest.entry, module: 'no-such-package' } },
      {},
      { jobs: { leaseMs: 1 }, limits: { bodyBytes: 'many' }, serch: false },
    );
    for (const path of ['options.jobs.leaseMs', 'options.limits.bodyBytes', 'serch']) expect(message).toContain(path);
    expect(
      await refusal({ config: { type: 'object', properties: { colour: { type: 'string' } }, required: ['colour'] } }),
    ).toContain('options.colour');
  });

  it('that names columns and privileges is compared with the database, in one error', async () => {
    const { database: uses } = manifest;
    const tables = { ...uses.tables, no_such_table: { columns: ['a'], privileges: ['SELECT'] } };
    expect(await refusal({ database: { ...uses, tables } })).toContain('the database does not have no_such_table.a');
    const greedy = {
      ...uses.tables,
      userapi_accounts: { columns: [], privileges: ['SELECT', 'DELETE'] },
      userapi_openid_tokens: { columns: [], privileges: ['INSERT'] },
    };
    const message = await refusal({ database: { ...uses, tables: greedy } });
    expect(message).toContain('GRANT DELETE ON public.userapi_accounts TO');
    expect(message).toContain('GRANT INSERT ON public.userapi_openid_tokens TO');
    expect(await refusal({ database: { ...uses, sequences: ['syncapi_presence_id'] } })).toContain(
      'GRANT USAGE ON public.syncapi_presence_id TO',
    );
    expect(await refusal({ database: { ...uses, schema: 'not_ours' } })).toContain('GRANT CREATE ON DATABASE');
  });

  it('that lists operations limits the operations', async () => {
    const { operations } = manifest;
    expect(await refusal({ operations: without(operations, 'purgeRoom') })).toContain('the operation purgeRoom');
    expect(await refusal({ operations: { ...operations, makeCoffee: 'read' } })).toContain('the operation makeCoffee');
    expect(await refusal({ operations: { ...operations, purgeRoom: 'read' } })).toContain('purgeRoom is a read');
  });

  it('that lists routes limits the routes', async () => {
    const [first, ...routes] = manifest.routes;
    expect(await refusal({ routes })).toContain(`the plugin serves ${first?.method} ${first?.path}`);
    const unserved = { method: 'GET', path: '/unserved', operation: 'listRooms' };
    const { degraded } = await load({ routes: [...manifest.routes, unserved] }, ({ health }) => health());
    expect(degraded.map(({ part }) => part)).toContain('GET /unserved');
    expect(await refusal({ routes: [...manifest.routes, { ...unserved, operation: 'nothing' }] })).toContain(
      '/unserved',
    );
  });

  it('that lists metrics limits the metrics', async () => {
    const metrics = without(manifest.metrics, 'matrix_admin_jobs');
    const parts = { metrics: { registry: new Registry() } };
    expect(await refusal({ metrics }, parts)).toContain('does not declare the metric matrix_admin_jobs');
    const labels = { metrics: { ...manifest.metrics, matrix_admin_jobs: ['kind'] } };
    expect(await refusal(labels, { metrics: { registry: new Registry() } })).toContain('matrix_admin_jobs{');
    expect(await refusal({}, { metrics: { registry: new Registry() } })).toBe('loaded');
  });
});
