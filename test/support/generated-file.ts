import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'vitest';

const root = new URL('../../', import.meta.url);
const update = process.env['UPDATE_GENERATED'] === '1';

/** Compares a file with the output of the code. `npm run docs` writes the file instead. */
export async function expectGenerated(path: string, text: string): Promise<void> {
  const url = new URL(path, root);
  if (update) await writeFile(url, text);
  expect(await readFile(url, 'utf8'), `${path} is out of date: npm run docs`).toBe(text);
}

/** A table in Markdown. */
export const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
