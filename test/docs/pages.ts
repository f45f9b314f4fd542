import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced code block of a page. */
export interface CodeBlock {
  /** The page's path in the repository, and the number of the block's first line. */
  readonly place: string;
  readonly language: string;
  /** The words after the language. They say how the test treats the block. */
  readonly marks: readonly string[];
  readonly text: string;
}

export interface Page {
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly CodeBlock[];
}

const FENCE = /^(?<indent> *)```(?<info>.*)\n(?<text>[^]*?)^ *```$/gm;

function blocksOf(path: string, text: string): CodeBlock[] {
  return [...text.matchAll(FENCE)].map(({ index, groups = {} }) => {
    const [language = '', ...marks] = (groups['info'] ?? '').split(' ');
    const line = text.slice(0, index).split('\n').length + 1;
    const code = (groups['text'] ?? '').replaceAll(new RegExp(`^${groups['indent'] ?? ''}`, 'gm'), '');
    return { place: `${path}:${line}`, language, marks, text: code };
  });
}

/** Reads all pages of the documentation: those in `docs/`, and the others that readers of the repository find. */
export async function readPages(): Promise<readonly Page[]> {
  const inDocs = (await readdir(`${ROOT}docs`, { recursive: true })).map((path) => `docs/${path}`);
  const others = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'DEPENDENCIES.md'];
  const paths = [...others, 'examples/README.md', 'monitoring/README.md', ...inDocs].filter((path) =>
    path.endsWith('.md'),
  );
  return Promise.all(
    paths.toSorted().map(async (path) => {
      const text = await readFile(`${ROOT}${path}`, 'utf8');
      return { path, text, blocks: blocksOf(path, text) };
    }),
  );
}
