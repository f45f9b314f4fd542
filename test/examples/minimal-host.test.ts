import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase } from '../support/database.ts';
import { addAccount, SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { compile, createHostProject } from '../support/host-project.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

let folder: string;
/** Creates a project that contains the packed plugin and the packages that its host needs. */
beforeAll(async () => {
  folder = await createHostProject();
  await run(process.execPath, ['scripts/bundle.mjs'], { cwd: ROOT });
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: ROOT,
  });
  const [{ filename }] = JSON.parse(stdout);
  await run('tar', ['xzf', filename, '--strip-components=1', '-C', 'node_modules/koa-matrix-admin'], { cwd: folder });
  await cp(join(ROOT, 'examples/minimal-host'), folder, { recursive: true });
  await cp(join(ROOT, 'examples/hooks'), join(folder, 'hooks'), { recursive: true });
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
}, 60_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

it('compiles under strict TypeScript, with declarations', async () => {
  expect(await compile(folder, ['host.ts'])).toEqual([]);
  expect(await readdir(folder)).toEqual(expect.arrayContaining(['host.js', 'host.d.ts']));
});

it.each(['host.js', 'host.mjs'])(
  '%s evacuates a room, is notified, waits for a job and counts metrics',
  async (program) => {
    const database = await createTestDatabase({ fixture: true });
    const args = [program, database.connectionString, SERVER_NAME, 'key.pem', server.rooms.v10];
    const { stdout } = await run(process.execPath, args, { cwd: folder });
    await database.drop();
    expect(stdout).toMatch(/^hook: [1-9]\d* left$/m);
    expect(stdout).toMatch(/^evacuated: @\S+:localhost/m);
    expect(stdout).toMatch(/^job: succeeded$/m);
    expect(stdout).toMatch(/^matrix_admin_operations_total\{.*\} 1$/m);
  },
);

it('runs the example hooks, compiled under strict TypeScript', async () => {
  expect(await compile(folder, ['hooks/host.ts'])).toEqual([]);
  const database = await createTestDatabase({ fixture: true });
  await addAccount(database.db, { localpart: 'ben', accountType: 3 });
  const args = [database.connectionString, SERVER_NAME, 'key.pem', server.rooms.v5, server.rooms.v8];
  const people = [USERS.admin.user_id, `@ben:${SERVER_NAME}`];
  const { stdout } = await run(process.execPath, ['hooks/host.js', ...args, ...people], { cwd: folder });
  await database.drop();
  expect(stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/^held: ORG_EXAMPLE_LEGAL_HOLD: /),
    expect.stringMatching(/^large: M_FORBIDDEN: Another administrator must approve this first/),
    'approved: done',
    'webhook: purgeRoom',
  ]);
});

it("contains the DDL of Dendrite's tables only in the entry that creates them", async () => {
  const lib = join(folder, 'node_modules/koa-matrix-admin/lib');
  const modules = (await readdir(lib, { recursive: true })).filter((path) => path.endsWith('.js'));
  const texts = await Promise.all(modules.map((path) => readFile(join(lib, path), 'utf8')));
  expect(modules.filter((_path, i) => texts[i]?.includes('CREATE TABLE roomserver_rooms'))).toEqual([
    'dendrite-schema/index.js',
  ]);
  expect(texts.filter((text) => /['"/]dendrite-schema\/index\.js['"]/.test(text))).toEqual([]);
});

it('can be required where Node can require ES modules', async () => {
  const program = "console.log(typeof require('koa-matrix-admin').createAdminPlugin)";
  const { stdout } = await run(process.execPath, ['--input-type=commonjs', '-e', program], { cwd: folder });
  expect(stdout.trim()).toBe('function');
});

it('comes in a package whose pages link only to pages of the package and of the repository', async () => {
  const root = join(folder, 'node_modules/koa-matrix-admin');
  const pages = (await readdir(root, { recursive: true })).filter((path) => path.endsWith('.md'));
  const broken: string[] = [];
  for (const page of pages) {
    const text = await readFile(join(root, page), 'utf8');
    for (const [, link = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      const inPackage = join(dirname(page), link);
      if (!/^https?:/.test(link) && ![root, ROOT].some((at) => existsSync(join(at, inPackage))))
        broken.push(`${page}: ${link}`);
    }
  }
  expect(pages).toContain('README.md');
  expect(broken).toEqual([]);
});
