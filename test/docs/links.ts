import { existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { type Page, ROOT } from './pages.ts';

const LINK = /\]\((?<link>[^)\s]+)\)/g;
const HEADING = /^#+ (?<title>.+)$/gm;

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = ({ text }: Page): string[] =>
  [...text.matchAll(HEADING)].map(({ groups = {} }) =>
    (groups['title'] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** Returns the links that lead to a file or a heading that does not exist. */
export function brokenLinks(pages: readonly Page[]): string[] {
  const byPath = new Map(pages.map((page) => [page.path, page]));
  return pages.flatMap((page) =>
    [...page.text.replaceAll(/`[^`\n]*`/g, '').matchAll(LINK)].flatMap(({ groups = {} }) => {
      const link = groups['link'] ?? '';
      if (/^https?:/.test(link)) return [];
      const [file = '', anchor] = link.split('#');
      const path = file === '' ? page.path : normalize(join(page.path, '..', file)).replace(/\/$/, '');
      const target = byPath.get(path);
      const isFound =
        existsSync(join(ROOT, path)) && (anchor === undefined || (target && anchorsOf(target).includes(anchor)));
      return isFound ? [] : [`${page.path}: ${link}`];
    }),
  );
}
