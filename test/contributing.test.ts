import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { makeScratchDirectory } from './support/scratch-directory.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

/** A change that CONTRIBUTING.md describes: the code, and where it goes. */
interface Change {
  readonly path: string;
  /** The line after which the code goes. `undefined` if the code is a whole file or goes at the end of the file. */
  readonly after: string | undefined;
  readonly atEnd: boolean;
  readonly code: string;
  readonly imported: string | undefined;
}

const CHANGE =
  /^ *`(?<path>src\/[^`]+)`(?:, after `(?<after>[^`]+)`|(?<atEnd>, at the end))?\n\n *```ts\n(?<code>[^]*?)^ *```\n(?:\n *with `(?<imported>import [^`]+)` at the top)?/gm;

const changesOf = (text: string): Change[] =>
  [...text.matchAll(CHANGE)].map(({ groups = {} }) => ({
    path: groups['path'] ?? '',
    after: groups['after'],
    atEnd: groups['atEnd'] !== undefined,
    code: groups['code'] ?? '',
    imported: groups['imported'],
  }));

async function apply(tree: string, { path, after, atEnd, code, imported }: Change): Promise<void> {
  const file = join(tree, path);
  const before = after === undefined && !atEnd ? '' : await readFile(file, 'utf8');
  if (after !== undefined) expect(before).toContain(after);
  const changed = after === undefined ? before + code : before.replace(after, `${after}\n${code}`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, imported === undefined ? changed : `${imported}\n${changed}`);
}

/** A program with a minimal homeserver. It calls the new operation in-process and over HTTP. */
const PROGRAM = `
import { generateKeyPairSync } from 'node:crypto';
import knex from 'knex';
import Koa from 'koa';
import { createAdminPlugin } from './dist/index.js';
const db = knex({ client: 'pg', connection: process.argv[2] });
const { privateKey } = generateKeyPairSync('ed25519');
const signingKeys = [{ serverName: 'localhost:18448', keyId: 'ed25519:auto', privateKey }];
const admin = createAdminPlugin({ serverName: 'localhost:18448', db, signingKeys });
await admin.start();
const inProcess = await admin.operations.countRooms({}, { actor: { kind: 'system', name: 'test' } });
const server = new Koa().use(admin.router.routes()).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const { status } = await fetch('http://127.0.0.1:' + server.address().port + '/_dendrite/admin/countRooms');
console.log(JSON.stringify({ inProcess, status }));
server.close();
await admin.stop();
await db.destroy();
`;

let tree: string;
let database: TestDatabase;
beforeAll(async () => {
  tree = await makeScratchDirectory('koa-matrix-admin-contributing-');
  database = await createTestDatabase({ fixture: true });
});
afterAll(async () => {
  await database.drop();
  await rm(tree, { recursive: true, force: true });
});

it('the worked example of CONTRIBUTING.md adds an operation with a route, in four places', async () => {
  const changes = changesOf(await readFile(join(ROOT, 'CONTRIBUTING.md'), 'utf8'));
  expect(changes).toHaveLength(5);
  // With the build of the unchanged tree, the compiler compiles only what the example changes.
  for (const path of ['src', 'dist', 'tsconfig.json', 'tsconfig.build.json', 'package.json']) {
    await cp(join(ROOT, path), join(tree, path), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  for (const change of changes) await apply(tree, change);
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { cwd: tree });
  await writeFile(join(tree, 'program.mjs'), PROGRAM);
  const { stdout } = await run(process.execPath, ['program.mjs', database.connectionString], { cwd: tree });
  const rooms = await database.db('roomserver_rooms').count({ total: '*' }).first();
  // Without an access token, the route refuses the call with 401. An unknown path would give 404.
  expect(JSON.parse(stdout)).toEqual({ inProcess: { total: Number(rooms?.['total']) }, status: 401 });
}, 60_000);
