import { z } from 'zod';
import type { AdminPluginOptions } from '../config.ts';
import type { Host } from '../host.ts';
import { isRecord } from '../json.ts';
import type { AdminPlugin } from '../plugin.ts';
import { readSetting } from '../setting-mistakes.ts';
import { explainFailure } from '../storage/explain-failure.ts';
import { missingColumns } from '../storage/preflight.ts';
import { missingGrants } from '../storage/privileges.ts';
import { serverVersion } from '../storage/server-version.ts';
import { mistakesOfFacts, unservedRoutes } from './check-facts.ts';
import { mistakesOfPostgres, mistakesOfVersions, type Resolve } from './check-versions.ts';
import { lendHost, type MissingPart, missingParts, mistakesOfParts } from './lend-host.ts';
import { type Manifest, readManifest } from './manifest.ts';

/** Whether the plugin can do its work. */
export interface Health {
  /** `degraded` means that some features are off. `failed` means that the database does not answer. */
  readonly status: 'ok' | 'degraded' | 'failed';
  /**
   * The missing parts of the host and what does not work without each of them, and the routes that the plugin does not serve.
   */
  readonly degraded: readonly MissingPart[];
  /** The reason, if the status is `failed`. */
  readonly error?: string;
}

/** A plugin that was checked against its manifest and started. */
export interface LoadedPlugin extends Omit<AdminPlugin, 'start'> {
  /**
   * Tells whether the plugin can do its work. Queries the database, and lists missing parts of the host and routes that the
   * plugin does not serve.
   */
  readonly health: () => Promise<Health>;
}

export interface LoadOptions {
  /**
   * Finds the entry file of a package. @defaultValue a function that finds the file that an `import` in this package would load
   */
  readonly resolve?: Resolve;
}

/**
 * Loads the plugin that a manifest describes, and starts it. Before the import of the plugin's code, checks the manifest, the
 * versions, the parts of the host, the options, the tables, and the privileges of the database role. After the import, checks
 * that the plugin has exactly the operations that the manifest declares, and serves no other routes than the manifest declares.
 * @param manifest `plugin.manifest.json`: a file URL, a path, or the content of the file
 * @param host the homeserver's objects. The plugin sees only the parts that the manifest declares.
 * @param config the plugin's options
 * @throws Error that lists the mistakes. The checks of the database run only if the checks before them find no mistake.
 */
export async function loadPlugin(
  manifest: URL | string | object,
  host: Host,
  config: AdminPluginOptions = {},
  { resolve = (specifier) => import.meta.resolve(specifier) }: LoadOptions = {},
): Promise<LoadedPlugin> {
  const declared = await readManifest(manifest);
  refuse(declared, [
    ...mistakesOfVersions(declared, resolve),
    ...mistakesOfParts(declared, host),
    ...mistakesOfConfig(declared, config),
  ]);
  refuse(declared, await mistakesOfDatabase(declared, host));
  const plugin = await makePlugin(declared, host, config, resolve);
  refuse(declared, mistakesOfFacts(declared, plugin));
  const { start, ...parts } = plugin;
  await start();
  const degraded = [...missingParts(declared, host), ...unservedRoutes(declared, plugin)];
  return { ...parts, health: () => healthOf(host, degraded) };
}

function refuse({ name }: Manifest, mistakes: readonly string[]): void {
  if (mistakes.length > 0) throw new Error([`loadPlugin: ${name} can't be loaded`, ...mistakes].join('\n✖ '));
}

function mistakesOfConfig(manifest: Manifest, config: unknown): readonly string[] {
  try {
    return readSetting('options', z.fromJSONSchema(manifest.config), config).mistakes;
  } catch (error) {
    return [`manifest.config is not a JSON Schema: ${String(error)}`];
  }
}

async function mistakesOfDatabase(manifest: Manifest, { db }: Host): Promise<readonly string[]> {
  const { database } = manifest;
  const columns = Object.entries(database.tables).map(([table, { columns: names }]) => [table, names] as const);
  try {
    const missing = await missingColumns(db, Object.fromEntries(columns));
    return [
      ...mistakesOfPostgres(manifest, await serverVersion(db)),
      ...(missing.length > 0
        ? [`the database does not have ${missing.join(', ')}: create the homeserver's tables first`]
        : []),
      ...(await missingGrants(db, database)).map(
        (grant) => `the database role lacks a privilege. To mend this, run: ${grant};`,
      ),
    ];
  } catch (error) {
    throw explainFailure(error, db);
  }
}

async function makePlugin(
  manifest: Manifest,
  host: Host,
  config: AdminPluginOptions,
  resolve: Resolve,
): Promise<AdminPlugin> {
  const { module, export: name } = manifest.entry;
  const entry: unknown = await import(resolve(module));
  const create: unknown = isRecord(entry) ? entry[name] : undefined;
  if (!isFactory(create)) throw new Error(`loadPlugin: ${module} has no function ${name}`);
  return create(lendHost(manifest, host), config);
}

/** A function that creates a plugin from the host and the options. */
type Factory = (host: Host, options: AdminPluginOptions) => AdminPlugin;
const isFactory = (value: unknown): value is Factory => typeof value === 'function';

async function healthOf({ db }: Host, degraded: readonly MissingPart[]): Promise<Health> {
  try {
    await serverVersion(db);
  } catch (error) {
    return { status: 'failed', degraded, error: String(explainFailure(error, db)) };
  }
  return { status: degraded.length === 0 ? 'ok' : 'degraded', degraded };
}
