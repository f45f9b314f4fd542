import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Context } from 'koa';
import { MatrixError } from '../errors.ts';

const CONSOLE = '/_dendrite/admin/console';

/** The file and the content type of each path. */
const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  [CONSOLE]: { file: 'index.html', type: 'text/html; charset=utf-8' },
  [`${CONSOLE}/console.js`]: { file: 'console.js', type: 'text/javascript; charset=utf-8' },
  [`${CONSOLE}/console.css`]: { file: 'console.css', type: 'text/css; charset=utf-8' },
};

/** The paths of the console's files. */
export const CONSOLE_PATHS: readonly string[] = Object.keys(FILES);

/**
 * Folders in which the built files may be, relative to this module. The first folder is right if this module is part of a
 * bundle, the second if it is a compiled module, and the third if it is a source file.
 */
const PLACES = ['./console/', '../console/', '../../dist/console/'];

/**
 * Headers for the console's files. They allow the browser to load scripts and style sheets only from the same origin, and to
 * send requests only to it. They also forbid other pages to show the console in a frame, and keep the browser from sending the
 * page's address to other servers.
 */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

/**
 * Answers with a file of the console. No access token is needed, because the files are the same for everybody. @throws
 * MatrixError `M_UNRECOGNIZED` if the console was not built
 */
export async function respondConsole(ctx: Context, path: string): Promise<void> {
  const found = FILES[path];
  const place = PLACES.map((each) => new URL(each, import.meta.url)).find((each) =>
    existsSync(new URL('console.js', each)),
  );
  if (found === undefined || place === undefined) {
    throw new MatrixError('M_UNRECOGNIZED', 'The console was not built: run npm run build');
  }
  ctx.set(HEADERS);
  // No other origin needs to read these files.
  ctx.remove('Access-Control-Allow-Origin');
  ctx.body = await readFile(new URL(found.file, place), 'utf8');
  ctx.set('Content-Type', found.type);
}
