import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * Which parts of `src/` each part may import. A part is a folder, or a file directly in `src/`. `types` lists parts of which
 * only types may be imported. A new part needs a row here.
 */
const MAY_IMPORT: Readonly<Record<string, { readonly values: readonly string[]; readonly types?: readonly string[] }>> =
  {
    errors: { values: [] },
    json: { values: [] },
    ids: { values: ['errors'] },
    'make-ids': { values: ['errors', 'ids'] },
    'in-slices': { values: [] },
    'with-time-limit': { values: [] },
    host: { values: [], types: ['ids'] },
    metrics: { values: [] },
    'near-name': { values: [] },
    'number-problem': { values: [] },
    'setting-mistakes': { values: ['near-name', 'number-problem'] },
    'check-host': { values: ['ids', 'near-name', 'setting-mistakes'], types: ['host'] },
    'room-options': { values: ['setting-mistakes'] },
    config: { values: ['matrix', 'room-options', 'search', 'setting-mistakes'] },
    settings: { values: ['check-host', 'config'], types: ['host'] },
    matrix: { values: ['errors', 'ids', 'json'], types: ['host'] },
    migrations: { values: [] },
    'dendrite-schema': { values: ['storage'] },
    storage: { values: ['errors', 'ids', 'json', 'migrations'], types: ['host', 'matrix'] },
    jobs: { values: ['errors', 'ids', 'json', 'storage'], types: ['host', 'metrics'] },
    search: { values: ['errors', 'ids', 'in-slices', 'json', 'jobs', 'storage'], types: ['host', 'metrics'] },
    accounts: { values: ['errors', 'ids', 'storage'], types: ['host'] },
    media: { values: ['errors', 'ids', 'jobs', 'matrix', 'storage'], types: ['host'] },
    rooms: {
      values: ['accounts', 'errors', 'ids', 'in-slices', 'json', 'matrix', 'storage', 'with-time-limit'],
      types: ['host', 'jobs', 'metrics', 'search'],
    },
    operations: {
      values: [
        'accounts',
        'errors',
        'ids',
        'in-slices',
        'json',
        'jobs',
        'matrix',
        'media',
        'number-problem',
        'rooms',
        'search',
        'storage',
        'with-time-limit',
      ],
      types: ['host'],
    },
    pipeline: {
      values: ['accounts', 'errors', 'ids', 'json', 'jobs', 'number-problem', 'operations', 'storage'],
      types: ['host', 'metrics'],
    },
    http: {
      values: [
        'accounts',
        'errors',
        'ids',
        'json',
        'migrations',
        'near-name',
        'operations',
        'pipeline',
        'storage',
        'with-time-limit',
      ],
      types: ['config', 'host', 'jobs', 'matrix', 'metrics'],
    },
    console: { values: [], types: ['client'] },
    'report-metrics': { values: ['operations', 'storage'], types: ['metrics'] },
    manifest: { values: ['config', 'http', 'metrics', 'migrations', 'operations', 'storage'] },
    loader: { values: ['json', 'setting-mistakes', 'storage'], types: ['config', 'host', 'plugin'] },
    plugin: {
      values: [
        'accounts',
        'errors',
        'http',
        'ids',
        'jobs',
        'media',
        'metrics',
        'report-metrics',
        'operations',
        'pipeline',
        'rooms',
        'search',
        'settings',
        'storage',
      ],
      types: ['config', 'host'],
    },
    index: {
      values: ['errors', 'ids', 'make-ids', 'pipeline', 'plugin'],
      types: [
        'accounts',
        'config',
        'host',
        'jobs',
        'matrix',
        'media',
        'operations',
        'room-options',
        'rooms',
        'search',
        'storage',
      ],
    },
    client: { values: ['errors', 'json'], types: ['jobs', 'operations'] },
    'request-table': { values: ['client', 'http', 'json', 'operations'] },
    'command-names': { values: [], types: ['operations'] },
    'command-catalogue': { values: ['cli', 'command-names', 'operations', 'request-table'] },
    'beside-dendrite': { values: [], types: ['operations'] },
    homeserver: {
      values: ['accounts', 'errors', 'operations', 'rooms', 'storage', 'with-time-limit'],
    },
    cli: {
      values: [
        'beside-dendrite',
        'client',
        'errors',
        'http',
        'json',
        'make-ids',
        'matrix',
        'near-name',
        'operations',
        'pipeline',
        'plugin',
        'search',
        'storage',
      ],
      types: ['config', 'host', 'ids'],
    },
    testing: { values: ['errors', 'ids', 'json', 'metrics', 'plugin', 'search'], types: ['config', 'host'] },
  };

/**
 * The reference homeserver is a host of the plugin. Like any other host, it may import only the entries of the npm package. No
 * other part may import the reference homeserver.
 */
const HOST_PART = 'reference-host';
const PACKAGE: { readonly exports: Readonly<Record<string, unknown>> } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);
/** The source files of the package's entries, such as `loader/index.ts`. */
const ENTRIES = Object.keys(PACKAGE.exports)
  .filter((name) => !name.endsWith('.json'))
  .map((name) => join(name, 'index.ts').replaceAll('\\', '/'));

/** Parts that build queries. They may import Knex itself. Other parts may import only Knex's types. */
const QUERY_PARTS = ['storage', 'migrations', 'dendrite-schema', HOST_PART];

const QUERY_BUILDING = [
  /\b(?:db|knex|trx|tx|transaction)(?:<[^()]*>)?\(\s*['"`{]/,
  /\.(?:raw|select|insert|del|where|whereIn|whereRaw|orWhere|orderBy|onConflict|returning|forUpdate)(?:<[^()]*>)?\(/,
  /['"`]\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|WITH)\s/,
];

const SRC = fileURLToPath(new URL('../src/', import.meta.url));
const IMPORT =
  /^(?:import|export)\s+(?<type>type\s+)?(?:[^'";]*?\bfrom\s+)?'(?<from>[^']+)'|\bimport\(\s*'(?<dynamic>[^']+)'/gm;

interface SourceFile {
  /** Path of the file below `src/`, with forward slashes. */
  readonly path: string;
  readonly part: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** Path of the imported file below `src/`. Absent if a package is imported. */
  readonly path?: string;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => readSource(path.replaceAll('\\', '/')));

function readSource(path: string): SourceFile {
  const text = readFileSync(join(SRC, path), 'utf8');
  return { path, part: partOf(path), text, imports: [...text.matchAll(IMPORT)].map((match) => importOf(path, match)) };
}

function importOf(importer: string, match: RegExpMatchArray): Import {
  const specifier = match.groups?.['from'] ?? match.groups?.['dynamic'] ?? '';
  const typeOnly = match.groups?.['type'] !== undefined;
  if (!specifier.startsWith('.')) return { specifier, typeOnly };
  const path = relative(SRC, resolve(SRC, dirname(importer), specifier)).replaceAll('\\', '/');
  return { specifier, typeOnly, path };
}

function partOf(path: string): string {
  const [first = '', ...rest] = path.split('/');
  return rest.length === 0 ? basename(first, '.ts') : first;
}

/** Removes block and line comments from code. Works only if no string in the code contains a comment mark. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

/** Lists imports that are not allowed, each as `path: what`. */
function badImports(
  allowed: (file: SourceFile, imported: Import) => boolean,
  of: (file: SourceFile) => boolean = () => true,
): string[] {
  return files
    .filter(of)
    .flatMap((file) =>
      file.imports
        .filter((imported) => !allowed(file, imported))
        .map(({ specifier, typeOnly }) => `${file.path}: import ${typeOnly ? 'type ' : ''}${specifier}`),
    );
}

/** Lists matches of a pattern in the code of all files that are not exempt, each as `path: code`. */
function badCode(pattern: RegExp, exempt: (file: SourceFile) => boolean = () => false): string[] {
  return files
    .filter((file) => !exempt(file))
    .flatMap((file) =>
      [...withoutComments(file.text).matchAll(new RegExp(pattern, 'gm'))].map(([code]) => `${file.path}: ${code}`),
    );
}

/** Tells whether an import names a package or a path inside it. */
function isPackage(specifier: string, name: string): boolean {
  return specifier === name || specifier.startsWith(`${name}/`);
}

describe('imports', () => {
  it('are extracted from the source by this test', () => {
    const plugin = files.find(({ path }) => path === 'plugin.ts');
    expect(plugin?.imports).toContainEqual({ specifier: './settings.ts', typeOnly: false, path: 'settings.ts' });
    expect(plugin?.imports).toContainEqual({ specifier: './host.ts', typeOnly: true, path: 'host.ts' });
  });

  it('point one way between the parts of src', () => {
    const allowed = (file: SourceFile, { path, typeOnly }: Import): boolean => {
      if (path === undefined || file.part === HOST_PART || partOf(path) === file.part) return true;
      const row = MAY_IMPORT[file.part];
      return [...(row?.values ?? []), ...(typeOnly ? (row?.types ?? []) : [])].includes(partOf(path));
    };
    expect(badImports(allowed)).toEqual([]);
    const parts = new Set(files.map(({ part }) => part));
    expect([...parts].filter((part) => part !== HOST_PART && MAY_IMPORT[part] === undefined)).toEqual([]);
    expect(Object.keys(MAY_IMPORT).filter((part) => !parts.has(part))).toEqual([]);
  });

  it('of the reference homeserver are its own files, packages, and the entries of this package', () => {
    const allowed = (_file: SourceFile, { path }: Import): boolean =>
      path === undefined || partOf(path) === HOST_PART || ENTRIES.includes(path);
    expect(ENTRIES.filter((path) => !files.some((file) => file.path === path))).toEqual([]);
    expect(badImports(allowed, ({ part }) => part === HOST_PART)).toEqual([]);
  });

  it('of the console, which runs in a browser, are its own files, Preact, and types of the client', () => {
    const isPreact = (specifier: string): boolean => isPackage(specifier, 'preact');
    const allowed = (_file: SourceFile, { path, specifier, typeOnly }: Import): boolean =>
      path === undefined ? isPreact(specifier) : partOf(path) === 'console' || (typeOnly && partOf(path) === 'client');
    expect(badImports(allowed, ({ part }) => part === 'console')).toEqual([]);
    expect(badImports((file, { specifier }) => file.part === 'console' || !isPreact(specifier))).toEqual([]);
  });

  it('stay inside src', () => {
    expect(badImports((_file, { path }) => !path?.startsWith('..'))).toEqual([]);
  });

  it('in matrix/ include only node:crypto of Node, so matrix/ does no I/O', () => {
    const pure = (_file: SourceFile, { path, specifier }: Import): boolean =>
      path !== undefined || specifier === 'node:crypto';
    expect(badImports(pure, ({ part }) => part === 'matrix')).toEqual([]);
  });

  it('use Koa only in http/ and the reference homeserver, and its types in plugin.ts', () => {
    const allowed = ({ part }: SourceFile, { specifier, typeOnly }: Import): boolean =>
      !['koa', '@koa/router', 'koa-body'].some((name) => isPackage(specifier, name)) ||
      ['http', HOST_PART].includes(part) ||
      (typeOnly && part === 'plugin');
    expect(badImports(allowed)).toEqual([]);
  });

  it('use Knex itself only in the parts that build queries', () => {
    const allowed = ({ part }: SourceFile, { specifier, typeOnly }: Import): boolean =>
      !(isPackage(specifier, 'knex') || isPackage(specifier, 'pg')) || typeOnly || QUERY_PARTS.includes(part);
    expect(badImports(allowed)).toEqual([]);
  });

  it.each([
    ['meilisearch', 'search/meilisearch/'],
    ['@opensearch-project/opensearch', 'search/opensearch/'],
  ])('reach the package %s only from its own entry', (name, folder) => {
    const inAdapter = (path: string | undefined): boolean => path?.startsWith(folder) ?? false;
    const allowed = (file: SourceFile, { specifier, path }: Import): boolean =>
      inAdapter(file.path) || !(isPackage(specifier, name) || (inAdapter(path) && file.part !== HOST_PART));
    expect(badImports(allowed)).toEqual([]);
  });
});

describe('code', () => {
  it.each(QUERY_BUILDING)(
    'builds queries in storage/, migrations/, dendrite-schema/ and the reference homeserver only: %s',
    (pattern) => {
      expect(badCode(pattern, ({ part }) => QUERY_PARTS.includes(part))).toEqual([]);
    },
  );

  it('opens transactions in one place, which sets their isolation', () => {
    const exempt = ({ part, path }: SourceFile): boolean => part === HOST_PART || path === 'storage/transact.ts';
    expect(badCode(/\bdb\.transaction\(/, exempt)).toEqual([]);
  });

  it('reads environment variables only in the programs: the command line and the reference homeserver', () => {
    expect(
      badCode(
        /\bprocess\s*\.\s*env\b|\bprocess\[|\benv\b.*'node:process'/,
        ({ part, path }) => part === HOST_PART || path === 'cli/main.ts',
      ),
    ).toEqual([]);
  });

  it('exports by name', () => {
    expect(badCode(/^export\s+(?:default\b|\*)|\bas default\b/)).toEqual([]);
  });

  it('keeps no mutable state in modules', () => {
    expect(badCode(/^(?:export\s+)?(?:let|var)\s.*$/)).toEqual([]);
    expect(badCode(/^(?:export\s+)?const [^=]+= (?:new (?:Weak)?(?:Map|Set)(?:<.*>)?\(\)|\[\]|\{\});$/)).toEqual([]);
  });

  it('has files of at most 300 lines', () => {
    const long = files.filter(({ text }) => text.split('\n').length > 301).map(({ path }) => path);
    // `npm run docs` writes this file.
    expect(long.filter((path) => path !== 'client/answers.ts')).toEqual([]);
  });

  it('has file names that match their exports', () => {
    expect(files.map(({ path }) => path).filter((path) => /manager|helper|utils?\b/i.test(path))).toEqual([]);
  });
});

describe('the public surface', () => {
  it('is an explicit list of names', () => {
    const index = files.find(({ path }) => path === 'index.ts');
    const rest = withoutComments(index?.text ?? '').replace(/^export (?:type )?\{[^}*]*\} from '[^']+';$/gm, '');
    expect(index).toBeDefined();
    expect(rest.trim()).toBe('');
  });
});

describe('docs/architecture.md', () => {
  const root = resolve(SRC, '..');
  const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

  it('names files that exist', () => {
    const named = [...text.matchAll(/`((?:src|test)\/[\w./-]+)`/g)].map(([, path = '']) => path);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('names the test of each file with operations, if the test has another name', () => {
    const missing = files
      .filter(({ path, text: code }) => /^operations\/\w+\//.test(path) && /\bdefine(?:Job)?Operation\(/.test(code))
      .map(({ path }) => path.slice('operations/'.length))
      .filter((path) => !existsSync(join(root, 'test/operations', path.replace(/\.ts$/, '.test.ts'))))
      .filter((path) => !text.includes(`\`${path}\``));
    expect(missing).toEqual([]);
  });

  it('names every subject of the operations', () => {
    const subjects = readdirSync(join(SRC, 'operations'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    const [, tree = ''] = /├─ operations\/(.*?)├─ jobs\//s.exec(text) ?? [];
    expect(subjects.map(({ name }) => name).filter((name) => !new RegExp(`\\b${name}\\b`).test(tree))).toEqual([]);
  });
});
