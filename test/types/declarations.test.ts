import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import knex from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AdminPlugin, createAdminPlugin } from '../../src/index.ts';
import { isDoneByJob, OPERATIONS, type OperationName } from '../../src/operations/operations.ts';
import { createSigningKey, SERVER_NAME } from '../support/dendrite-server.ts';
import { addDeclarations, compile, createHostProject } from '../support/host-project.ts';

/** The beginning of the compiled program. `part()` names every type of which a value consists, one level deep. */
const HEAD = `
import { type AdminPluginOptions, type AfterEvent, type Caller, type Appended, createAdminPlugin, deny, eventId, type Host,
  type JobView, roomId, serverName, userId } from 'koa-matrix-admin';
import { dendriteSchema, ensureDendriteSchema } from 'koa-matrix-admin/dendrite-schema';
import * as homeserver from 'koa-matrix-admin/homeserver';
import { loadPlugin } from 'koa-matrix-admin/loader';
import * as matrix from 'koa-matrix-admin/matrix';
import { meilisearchSearch } from 'koa-matrix-admin/search/meilisearch';
import { opensearchSearch } from 'koa-matrix-admin/search/opensearch';
import { postgresSearch } from 'koa-matrix-admin/search/postgres';
import { searchIndexContract } from 'koa-matrix-admin/testing';

declare function part<T>(value: T): T extends string | number | boolean | bigint | ((...args: never[]) => unknown) ? never
  : T extends readonly (infer Item)[] ? Item : T extends object ? T[keyof T] : never;
declare const host: Host;
declare const options: AdminPluginOptions;
declare const caller: Caller;
declare const appended: Appended;
declare const job: JobView;

export const admin = createAdminPlugin(host, options);
export const loaded = await loadPlugin(new URL('file:///manifest.json'), host, options);
export const loadedParts = part(loaded);
export const health = await loaded.health();
export const optionParts = part(options);
export const callerParts = part(caller);
export const appendedParts = part(appended);
export const appendedDeeper = part(appendedParts);
export const jobParts = part(job);
export const ids = [serverName(''), userId(''), roomId(''), eventId('')];
export const denial = deny('M_FORBIDDEN', '');
export const adapters = [postgresSearch(), meilisearchSearch({ url: '', apiKey: '' }),
  opensearchSearch({ node: '' })];
export const contract = searchIndexContract;
export const migrations = await dendriteSchema.getMigrations([]);
export const ensure = ensureDendriteSchema;
export const hostFunctions = { ...matrix, ...homeserver };
`;

/** Members of the plugin that have no parts, or whose parts are exported one by one. */
const LISTED = { operations: true, hooks: true, router: true, start: true, stop: true };

/** Makes code that exports an operation, its result, its valid input as hooks get it, and the parts of these. */
const operationExports = (name: OperationName): string => `
export const ${name} = admin.operations.${name};
export const ${name}Result = await ${name}(undefined as never, caller);
export const ${name}Part = part(${name}Result);
export const ${name}Deeper = part(${name}Part);
export const ${name}Deepest = part(${name}Deeper);
export const ${name}Input = (event: AfterEvent<'${name}'>) => event.input;
export const ${name}InputPart = (event: AfterEvent<'${name}'>) => part(event.input);
${isDoneByJob(name) ? `export const ${name}Start = admin.operations.${name}.start;` : ''}`;

/** Exports each part of a member of the plugin, such as \`admin.jobs\`. */
function memberExports(member: string, keys: readonly string[]): string {
  return keys.map((key) => `export const ${member}_${key} = admin.${member}.${key};`).join('\n');
}

let folder: string;
beforeAll(async () => {
  folder = await createHostProject();
  await addDeclarations(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('a host can export what it gets of the plugin, and the compiler writes declarations', async () => {
  const host = { serverName: SERVER_NAME, db: knex({ client: 'pg' }), signingKeys: [createSigningKey()] };
  const { approvals, events, jobs, search, registrationTokens, rooms, accounts, media } = createAdminPlugin(host);
  const members = { approvals, events, jobs, search, registrationTokens, rooms, accounts, media } satisfies Omit<
    AdminPlugin,
    keyof typeof LISTED
  >;
  const program = [
    HEAD,
    `export const { ${Object.keys(LISTED).join()} } = admin;`,
    'export const { before, after } = hooks;',
    ...Object.entries(members).map(([member, value]) => memberExports(member, Object.keys(value))),
    ...(Object.keys(OPERATIONS) as OperationName[]).map(operationExports),
  ].join('\n');
  await writeFile(join(folder, 'host.ts'), program);
  expect(await compile(folder, ['host.ts'])).toEqual([]);
  const declarations = await readFile(join(folder, 'host.d.ts'), 'utf8');
  expect(declarations).toContain('export declare const jobs_watch: ');
  expect(declarations).not.toContain('lib/');
}, 60_000);
