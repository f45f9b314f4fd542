import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { readSetting } from '../setting-mistakes.ts';

const text = z.string().min(1);
const names = z.array(text);
/** A record of texts. Neither a key nor a value is empty. */
const texts = z.record(text, text);

const PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;

const manifestSchema = z.strictObject({
  $schema: text.optional().describe('Where the JSON Schema of the manifest is. Editors read it.'),
  manifestVersion: z.literal(2).describe('The version of this format. The loader refuses other versions.'),
  name: text.describe('The name of the npm package.'),
  version: text.describe('The version of the npm package. The loader compares it with the installed package.'),
  entry: z
    .strictObject({
      module: text.describe('The module that the loader imports: the name of the package.'),
      export: text.describe('The function that makes the plugin from the host and the options.'),
    })
    .describe('Where the plugin is.'),
  engines: z
    .strictObject({ node: text, postgresql: text })
    .describe('Semver ranges. The loader refuses other versions of Node and of PostgreSQL.'),
  peerDependencies: texts.describe('Semver ranges of packages that the host installs.'),
  optionalPeers: names.describe(
    'Peer dependencies that may be missing. The loader checks the version of one only if it is installed.',
  ),
  host: z
    .strictObject({
      required: names.describe('Properties that the host must have.'),
      optional: texts.describe('Properties that the host may have, and what happens without each.'),
    })
    .describe('Properties of the host that the plugin uses. The loader hides all other properties from it.'),
  config: z.record(text, z.unknown()).describe("A JSON Schema of the plugin's options."),
  database: z
    .strictObject({
      schema: text.describe("The schema of the plugin's own tables."),
      sequences: names.describe('Sequences of the homeserver from which the plugin takes numbers.'),
      tables: z
        .record(text, z.strictObject({ columns: names, privileges: z.array(z.enum(PRIVILEGES)) }))
        .describe('Tables of the homeserver that the plugin uses, each with the privileges that it needs.'),
    })
    .describe(
      'The parts of the database that the plugin uses. The loader refuses a database role that lacks one of the privileges.',
    ),
  operations: z
    .record(text, z.enum(['read', 'write', 'job']))
    .describe('The operations of the plugin, and how each runs. Hosts can call them and add hooks to them.'),
  routes: z
    .array(z.strictObject({ method: z.enum(['GET', 'POST', 'PUT', 'DELETE']), path: text, operation: text.optional() }))
    .describe(
      'The HTTP routes of the plugin. A route without an operation serves a file. The loader refuses any other route.',
    ),
  metrics: z
    .record(text, names)
    .describe(
      'The metrics of the plugin, and their labels. The loader prevents the plugin from registering any other metric.',
    ),
});

/** The content of `plugin.manifest.json`. It describes what the plugin is, needs, uses and adds. */
export type Manifest = z.output<typeof manifestSchema>;

/** Returns the JSON Schema of `plugin.manifest.json`. */
export function manifestJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(manifestSchema);
}

/**
 * Reads a manifest.
 * @param source a file URL, a path, or the content of the file
 * @throws Error that names every mistake in the manifest
 */
export async function readManifest(source: URL | string | object): Promise<Manifest> {
  const given: unknown =
    typeof source === 'string' || source instanceof URL ? JSON.parse(await readFile(source, 'utf8')) : source;
  const { value, mistakes } = readSetting('manifest', manifestSchema, given);
  if (value === undefined) throw new Error(['loadPlugin: bad manifest', ...mistakes].join('\n✖ '));
  return value;
}
