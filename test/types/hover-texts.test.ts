import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { API, type Checker, type Symbol as Member, SignatureKind, type Type } from 'typescript/unstable/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { besideDendrite } from '../../src/beside-dendrite.ts';
import { buildCommands } from '../../src/command-catalogue.ts';
import { OPERATIONS, type OperationName } from '../../src/operations/operations.ts';
import { buildRequestTable } from '../../src/request-table.ts';
import { expectGenerated, markdownTable } from '../support/generated-file.ts';
import { addDeclarations, createHostProject, writeProject } from '../support/host-project.ts';

/** A program that uses the package's public types, so that the test can read their doc comments. */
const PROGRAM = `
import type { AdminPlugin, AdminPluginOptions, Host } from 'koa-matrix-admin';
declare const plugin: AdminPlugin;
declare const operations: AdminPlugin['operations'];
declare const options: AdminPluginOptions;
declare const host: Host;
`;

const REQUESTS = `import type { OperationName } from '../operations/operations.ts';
import type { RequestTemplate } from './request-of.ts';

/** The requests of every operation. Made by \`npm run docs\` from the route table. */
export const REQUEST_TEMPLATES: Readonly<Partial<Record<OperationName, readonly RequestTemplate[]>>> = {`;

const COMMANDS = `import type { Command } from './command.ts';

/** Every command. Made by \`npm run docs\` from the operations, their schemas and their doc comments. */
export const COMMANDS: readonly Command[] = [`;

const ABOUT = `Every command of \`matrix-admin\` that runs an operation. \`matrix-admin <command> --help\` lists its options.
[The command line](command-line.md) says how to connect, and what all commands have in common.

[Beside a running Dendrite](serve.md): *at once* means that both sides see the change at once, *later* that Dendrite's clients see
it when Dendrite writes its next event, and *refused* that the command says what to do instead.`;

const BESIDE = { 'at-once': 'at once', later: 'later', refused: 'refused' };

let folder: string;
let api: API;
let checker: Checker;
beforeAll(async () => {
  folder = await createHostProject();
  await addDeclarations(folder);
  await writeFile(join(folder, 'host.ts'), PROGRAM);
  await writeProject(folder, ['host.ts']);
  api = new API({ cwd: folder });
  const [project] = api.updateSnapshot({ openProjects: [join(folder, 'tsconfig.json')] }).getProjects();
  if (project === undefined) throw new Error('the compiler has opened no project');
  ({ checker } = project);
}, 60_000);
afterAll(async () => {
  api.close();
  await rm(folder, { recursive: true, force: true });
});

/** Returns a type. Fails if it is missing. */
function found(type: Type | undefined): Type {
  if (type === undefined) throw new Error('there is no such type');
  return type;
}

const typeOf = (variable: string): Type =>
  found(checker.getTypeAtPosition(join(folder, 'host.ts'), PROGRAM.indexOf(`${variable}:`)));

const typeOfMember = (member: Member): Type =>
  found(checker.getNonNullableType(found(checker.getTypeOfSymbol(member))));

/** Returns what an editor shows for a member, without tags such as `@defaultValue`. */
const textOf = (member: Member): string => member.getDocumentationComment(checker);

const hasDefaultTag = (member: Member): boolean =>
  member.getJsDocTags(checker).some(({ name }) => name === 'defaultValue');

/** Tells whether a type is an object type without a name, such as the type of `options.limits`. */
const isGroup = (type: Type): boolean => type.getSymbol()?.name === '__type' && callsOf(type).length === 0;

const callsOf = (type: Type): ReturnType<Checker['getSignaturesOfType']> =>
  checker.getSignaturesOfType(type, SignatureKind.Call);

/** Lists the members that have no doc comment, by their paths. It also looks into members whose type has no name. */
function bareMembers(type: Type, path: string): string[] {
  return checker.getPropertiesOfType(type).flatMap((member) => {
    const name = `${path}.${member.name}`;
    const bare = textOf(member) === '' ? [name] : [];
    const own = typeOfMember(member);
    const groups = (own.isUnionType() ? own.getTypes() : [own]).filter(isGroup);
    return [...bare, ...groups.flatMap((group) => bareMembers(group, name))];
  });
}

describe('an editor shows a text', () => {
  it('of every operation, every field of its input and the defaults', () => {
    const operations = checker.getPropertiesOfType(typeOf('operations'));
    const bare = operations.flatMap((operation) => {
      const [signature] = callsOf(typeOfMember(operation));
      if (signature === undefined) throw new Error(`${operation.name} is no function`);
      const fields = checker.getPropertiesOfType(found(checker.getParameterType(signature, 0)));
      const schemas: Readonly<Record<string, z.ZodType>> = OPERATIONS[operation.name as OperationName].input.shape;
      return [
        ...(textOf(operation) === '' ? [operation.name] : []),
        ...fields.filter((field) => textOf(field) === '').map(({ name }) => `${operation.name}.${name}`),
        ...fields
          .filter((field) => schemas[field.name]?.safeParse(undefined).data !== undefined && !hasDefaultTag(field))
          .map(({ name }) => `${operation.name}.${name} @defaultValue`),
      ];
    });
    expect(operations.map(({ name }) => name).sort()).toEqual(Object.keys(OPERATIONS).sort());
    expect(bare).toEqual([]);
  });

  it('of every option', () => {
    expect(bareMembers(typeOf('options'), 'options')).toEqual([]);
  });

  it('of every part of the host and of the plugin', () => {
    const parts = checker
      .getPropertiesOfType(typeOf('plugin'))
      .filter(({ name }) => name !== 'operations' && name !== 'router')
      .flatMap((part) => bareMembers(typeOfMember(part), `plugin.${part.name}`));
    expect([...bareMembers(typeOf('host'), 'host'), ...bareMembers(typeOf('plugin'), 'plugin'), ...parts]).toEqual([]);
  });
});

/** One line of TypeScript for each entry. */
const lines = (entries: readonly string[]): string => entries.map((entry) => `  ${entry},\n`).join('');

describe('the command line', () => {
  it('has the request of every operation', async () => {
    const entries = Object.entries(buildRequestTable()).map(
      ([name, requests]) => `${name}: ${JSON.stringify(requests)}`,
    );
    await expectGenerated('src/client/request-templates.ts', `${REQUESTS}\n${lines(entries)}};\n`);
  });

  it('has a command for every operation, with the texts that editors show', async () => {
    const operations = checker.getPropertiesOfType(typeOf('operations'));
    const texts = operations.flatMap((operation) => {
      const [signature] = callsOf(typeOfMember(operation));
      const input = signature && checker.getParameterType(signature, 0);
      const fields = input === undefined ? [] : checker.getPropertiesOfType(input);
      return [
        [operation.name, textOf(operation)] as const,
        ...fields.map((field) => [`${operation.name}.${field.name}`, textOf(field)] as const),
      ];
    });
    const commands = buildCommands(new Map(texts));
    expect(new Set(commands.map(({ operation }) => operation))).toEqual(new Set(Object.keys(OPERATIONS)));
    expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
    await expectGenerated(
      'src/cli/commands.ts',
      `${COMMANDS}\n${lines(commands.map((command) => JSON.stringify(command)))}];\n`,
    );
    const rows = commands.map(({ name, operation, effect, text }) => [
      `\`${name}\``,
      (/^.*?[.:](?= |$)/.exec(text)?.[0] ?? text).replace(/:$/, '.'),
      `\`${operation}\``,
      effect,
      BESIDE[besideDendrite(operation, effect).verdict],
    ]);
    await expectGenerated(
      'docs/commands.md',
      `# Commands\n\n${ABOUT}\n\n${markdownTable(['command', 'what it does', 'operation', 'effect', 'beside a running Dendrite'], rows)}\n`,
    );
  });
});
