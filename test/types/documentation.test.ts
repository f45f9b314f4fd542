import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDeclarations, compile, createHostProject } from '../support/host-project.ts';

/**
 * Code for the names that samples use and that belong to the host. If a sample declares a name itself, its code is not added.
 */
const HOSTS_OWN: Readonly<Record<string, string>> = {
  app: "import Koa from 'koa'; const app = new Koa();",
  db: "declare const db: import('knex').Knex;",
  transaction: "declare const transaction: import('knex').Knex.Transaction;",
  registry: "declare const registry: import('prom-client').Registry;",
  logger: "declare const logger: import('koa-matrix-admin').Logger;",
  signingKeys: "declare const signingKeys: import('koa-matrix-admin').SigningKey[];",
  event: "declare const event: import('koa-matrix-admin').AppliedEvent;",
  roomId: 'declare const roomId: string;',
  accessToken: 'declare const accessToken: string;',
  host: "declare const host: import('koa-matrix-admin').Host;",
  options: "declare const options: import('koa-matrix-admin').AdminPluginOptions;",
  admin: "declare const admin: import('koa-matrix-admin').AdminPlugin;",
  deny: "import { deny } from 'koa-matrix-admin';",
  show: 'declare function show(percent: number | undefined | null): void;',
  isLarge: 'declare function isLarge(roomId: string): Promise<boolean>;',
  isNight: 'declare function isNight(): boolean;',
  tell: 'declare function tell(...news: unknown[]): void;',
};

const DECLARES = (name: string): RegExp =>
  new RegExp(`\\b(?:const|let|function)\\s+${name}\\b|import \\{[^}]*\\b${name}\\b`);

/** Makes a module of a sample. Adds the code for the names that belong to the host. */
function moduleOf(sample: string): string {
  const needed = Object.entries(HOSTS_OWN).filter(
    ([name]) => new RegExp(`(?<![.\\w])${name}\\b`).test(sample) && !DECLARES(name).test(sample),
  );
  return [...needed.map(([, declaration]) => declaration), sample, 'export {};'].join('\n');
}

let folder: string;
beforeAll(async () => {
  folder = await createHostProject();
  await addDeclarations(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each([['README.md'], ['docs/host-guide.md'], ['docs/command-line.md']])(
  'the samples of %s compile',
  async (page) => {
    const text = await readFile(new URL(`../../${page}`, import.meta.url), 'utf8');
    const samples = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, sample = '']) => sample);
    expect(samples).not.toEqual([]);
    const files = samples.map((_sample, index) => `${page.replace(/\W/g, '-')}-${index}.ts`);
    await Promise.all(files.map((file, index) => writeFile(join(folder, file), moduleOf(samples[index] ?? ''))));
    expect(await compile(folder, files)).toEqual([]);
  },
  60_000,
);
