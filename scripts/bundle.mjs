/**
 * Builds `lib/`, the content of the npm package: the modules of `dist/` in a few files, the console, and the type declarations
 * of the entry points. One file loads much faster than four hundred files.
 */
import { cp, readFile, rm } from 'node:fs/promises';
import { join, normalize, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { minify, parseSync } from 'rolldown/utils';
import { dts } from 'rolldown-plugin-dts';

const DIST = 'dist';
const LIB = 'lib';
const { exports: entryPoints, bin } = JSON.parse(await readFile('package.json', 'utf8'));
const nameOf = (file) => normalize(file).slice(LIB.length + 1, -'.js'.length);
const entries = Object.values(entryPoints)
  .map(({ default: file }) => file)
  .filter((file) => file !== undefined)
  .map(nameOf);
const programs = Object.values(bin).map(nameOf);

await rm(LIB, { recursive: true, force: true });
await bundleModules();
await cp(join(DIST, 'console'), join(LIB, 'console'), { recursive: true });
await bundleDeclarations();

async function bundleModules() {
  const bundle = await rolldown({
    input: Object.fromEntries([...entries, ...programs].map((entry) => [entry, join(DIST, `${entry}.js`)])),
    // zod is bundled too, because loading its hundred files takes half the time of an import. Its types stay in the dependency.
    external: (id) => /^[^./]/.test(id) && id !== 'zod' && !id.startsWith('zod/'),
    platform: 'node',
    plugins: [{ name: 'minify-dependencies', renderChunk: minifyDependencies }],
  });
  await bundle.write({
    dir: LIB,
    format: 'esm',
    chunkFileNames: 'chunks/[name].js',
    comments: false,
    minify: { compress: true, mangle: { toplevel: true, keepNames: true }, codegen: { removeWhitespace: true } },
  });
  await bundle.close();
}

/** Minifies chunks that contain only dependencies. Chunks with our code keep the names of functions, for stack traces. */
async function minifyDependencies(code, { fileName, moduleIds }) {
  const isOurs = moduleIds.some((id) => !id.includes('/node_modules/') && !id.startsWith('\0'));
  return isOurs ? null : (await minify(fileName, code, { module: true })).code;
}

/**
 * Puts the type declarations of the entry points into a few files. Doc comments are kept, except in declarations with the tag
 * `@internal`: a host never meets them.
 */
async function bundleDeclarations() {
  const bundle = await rolldown({
    input: Object.fromEntries(entries.map((entry) => [entry, resolve(DIST, `${entry}.d.ts`)])),
    external: (id) => /^[^./]/.test(id),
    // The inputs are declarations already, so no compiler is needed.
    plugins: [
      dts({ dtsInput: true, sourcemap: false, oxc: true, tsconfig: false }),
      { name: 'internal-comments', renderChunk: withoutInternalComments },
    ],
  });
  await bundle.write({ dir: LIB, format: 'esm', chunkFileNames: 'chunks/[name].d.ts' });
  await bundle.close();
}

function withoutInternalComments(code, { fileName }) {
  const { program, comments } = parseSync(fileName, code);
  const tags = comments.filter(({ value }) => value.includes('@internal'));
  const internal = tags.flatMap((tag) => program.body.find(({ start }) => start >= tag.end) ?? []);
  const removed = comments.filter(
    (comment) =>
      tags.includes(comment) || internal.some(({ start, end }) => comment.start >= start && comment.end <= end),
  );
  return removed.reduceRight(
    (text, { start, end }) => text.slice(0, start) + text.slice(end).replace(/^\s*\n\s*/, ''),
    code,
  );
}
