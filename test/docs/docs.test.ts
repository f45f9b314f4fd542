import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDeclarations, compile, createHostProject } from '../support/host-project.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { type ExampleHomeserver, startExampleHomeserver } from './example-org.ts';
import { brokenLinks } from './links.ts';
import { type CodeBlock, type Page, ROOT, readPages } from './pages.ts';
import { openShell, type Ran, type Shell } from './shell.ts';

/** Why a block of commands does not run here. A block names one of these reasons after `not-run:`. */
const REASONS: Readonly<Record<string, string>> = {
  'takes-minutes': 'it runs the tests or the demo, which other tests run in part',
  'needs-registry': 'it installs packages from the npm registry',
  'needs-dendrite': 'it needs a real Dendrite. `npm run test:cli` runs it with one',
  'never-ends': 'it starts a server that runs until somebody stops it',
  'needs-terminal': 'it asks questions on a terminal. `npm run test:cli` types the answers',
};
/** A page shows at most this number of lines of an output. */
const LONG = 12;
const UPDATE = process.env['UPDATE_GENERATED'] === '1';
const isShell = ({ language }: CodeBlock): boolean => language === 'sh' || language === 'console';
const reasonOf = ({ marks }: CodeBlock): string | undefined =>
  marks.find((mark) => mark.startsWith('not-run:'))?.slice(8);

/** The names that the TypeScript of pages uses without declaring them, such as the objects of the reader's homeserver. */
const NAMES = `
declare type Package = typeof import('koa-matrix-admin');
declare const admin: ReturnType<Package['createAdminPlugin']>;
declare const host: import('koa-matrix-admin').Host;
declare const options: import('koa-matrix-admin').AdminPluginOptions;
declare const db: import('knex').Knex;
declare const transaction: import('knex').Knex.Transaction;
declare const app: import('koa');
declare const deny: Package['deny'];
declare const createAdminPlugin: Package['createAdminPlugin'];
declare const readFile: typeof import('node:fs/promises').readFile;
declare const password: string;
declare const signingKeys: import('koa-matrix-admin').Host['signingKeys'];
declare const logger: NonNullable<import('koa-matrix-admin').Host['logger']>;
declare const registry: import('prom-client').Registry;
declare const event: import('koa-matrix-admin').AppliedEvent;
declare const roomId: Parameters<typeof admin.operations.purgeRoom>[0]['roomId'];
declare const accessToken: string;
declare function show(percent: number | null): void;
declare function tell(text: string): void;
declare function isNight(): boolean;
declare function isLarge(roomId: string): Promise<boolean>;
`;

const pages = await readPages();
const blocks = pages.flatMap((page) => page.blocks);

/** The command lines of a block. A line that ends in a backslash continues on the next line. */
function commandsOf({ language, text }: CodeBlock): { readonly command: string; readonly expected: string }[] {
  if (language === 'sh') return [...text.matchAll(/(?:.*\\\n)*.+\n/g)].map(([command]) => ({ command, expected: '' }));
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [, command = '', expected = ''] = /^((?:.*\\\n)*.*\n)([^]*)$/.exec(part) ?? [];
      return { command, expected };
    });
}

/** Removes from an output what differs in each run: numbers, times, random ids, and the widths of columns. */
const shapeOf = (output: string): string =>
  output
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/\$[\w-]{43}/g, 'EVENT')
    // Lists of rooms are in the order of ids, which are random.
    .replaceAll(/![\w-]+:example\.org/g, 'ROOM')
    .replaceAll(/"(access_token|device_id|token)":"[^"]+"/g, '"$1":"SECRET"')
    .replaceAll(/\d[\d,.:TZ-]*/g, 'N')
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/ $/gm, '')
    .trim();

/** Tells whether an output is as a page shows it. A line `…` of the page stands for any lines. */
function isAsWritten(output: string, expected: string): boolean {
  const pattern = shapeOf(expected)
    .split(/…\n?/)
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${pattern.join('[^]*')}$`).test(shapeOf(output));
}

let directory: string;
let homeserver: ExampleHomeserver;
let shell: Shell;
beforeAll(async () => {
  directory = await makeScratchDirectory('koa-matrix-admin-docs-');
  homeserver = await startExampleHomeserver(directory);
  shell = await openShell({
    directory,
    environment: {
      MATRIX_ADMIN_URL: homeserver.toReal('http://127.0.0.1:8008'),
      MATRIX_ADMIN_TOKEN_FILE: 'token.txt',
      TOKEN: homeserver.adminToken,
    },
    databaseUrl: homeserver.databaseUrl,
    systemctl: (verb) => (verb === 'stop' ? homeserver.stop() : homeserver.start()),
  });
}, 60_000);
afterAll(async () => {
  shell.close();
  await homeserver.close();
  await rm(directory, { recursive: true });
});

async function runBlock(block: CodeBlock): Promise<readonly (Ran & { readonly expected: string })[]> {
  const commands = commandsOf(block);
  const isStopped = block.marks.includes('stopped');
  if (isStopped) await homeserver.stop();
  const ran = await shell.run(commands.map(({ command }) => homeserver.toReal(command)));
  if (isStopped) await homeserver.start();
  return ran.map(({ output, code }, i) => ({
    command: commands[i]?.command ?? '',
    expected: commands[i]?.expected ?? '',
    output: homeserver.toWritten(output),
    code,
  }));
}

/** Writes what commands really print into a page. */
async function update(path: string, { command, expected, output }: Ran & { readonly expected: string }): Promise<void> {
  const file = join(ROOT, path);
  const text = await readFile(file, 'utf8');
  const lines = output.trimEnd().split('\n');
  const shown = lines.length > LONG ? [...lines.slice(0, LONG - 2), '…'] : lines;
  const written = shown.map((line) => `${line.trimEnd()}\n`).join('');
  await writeFile(
    file,
    text.replace(`$ ${command}${expected}`, () => `$ ${command}${written.trim() === '' ? '' : written}`),
  );
}

/** The page for newcomers comes first, so that it shows a homeserver that no other page has changed. */
const FIRST = 'docs/start.md';
const withCommands = [...pages.filter(({ path }) => path === FIRST), ...pages.filter(({ path }) => path !== FIRST)]
  .map(
    (page): Page => ({
      ...page,
      blocks: page.blocks.filter((block) => isShell(block) && reasonOf(block) === undefined),
    }),
  )
  .filter((page) => page.blocks.length > 0);

describe('the commands of', () => {
  it.each(withCommands)('$path work, and print what the page shows', async ({ path, blocks: ofPage }) => {
    for (const block of ofPage) {
      for (const ran of await runBlock(block)) {
        if (block.language === 'sh') expect(ran.code, `${block.place}\n${ran.command}${ran.output}`).toBe(0);
        else if (UPDATE && !isAsWritten(ran.output, ran.expected)) await update(path, ran);
        else if (!isAsWritten(ran.output, ran.expected)) {
          expect(`$ ${ran.command}${ran.output}`, block.place).toBe(`$ ${ran.command}${ran.expected}`);
        }
      }
    }
  });
});

it('a block of commands that does not run has one of the known reasons, and names scripts that exist', async () => {
  const notRun = blocks.filter((block) => isShell(block) && reasonOf(block) !== undefined);
  expect(notRun.filter((block) => !Object.hasOwn(REASONS, reasonOf(block) ?? ''))).toEqual([]);
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const named = pages.flatMap(({ text }) => [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name));
  expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

it('every block has a language that a test knows', () => {
  const known = ['sh', 'console', 'ts', 'json', 'sql', 'nginx', 'caddyfile', 'text'];
  expect(blocks.filter(({ language }) => !known.includes(language)).map(({ place }) => place)).toEqual([]);
});

it.each(blocks.filter(({ language }) => language === 'json'))('the JSON at $place is valid', ({ text }) => {
  expect(() => JSON.parse(text)).not.toThrow();
});

it('the SQL of pages runs', async () => {
  const ofPages = blocks.filter((block) => block.language === 'sql' && reasonOf(block) === undefined);
  const statements = ofPages.flatMap(({ text }) => text.split(/;$/m).filter((part) => part.trim() !== ''));
  for (const statement of statements) await homeserver.query(statement);
  expect(statements.length).toBeGreaterThan(0);
});

it('the TypeScript of pages compiles', { timeout: 60_000 }, async () => {
  // test/contributing.test.ts applies the code of CONTRIBUTING.md to a copy of the repository.
  const code = blocks.filter(({ language, place }) => language === 'ts' && !place.startsWith('CONTRIBUTING.md'));
  const folder = await createHostProject();
  try {
    await addDeclarations(folder);
    await writeFile(join(folder, 'names.d.ts'), NAMES);
    const files = code.map(({ place }) => `${place.replaceAll(/[/:.]/g, '-')}.ts`);
    for (const [i, { text }] of code.entries()) await writeFile(join(folder, files[i] ?? ''), `${text}export {};\n`);
    expect(await compile(folder, ['names.d.ts', ...files])).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('links lead to pages and headings that exist', () => {
  expect(brokenLinks(pages)).toEqual([]);
});
