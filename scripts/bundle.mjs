/**
 * Builds `lib/`, the content of the npm package: the modules of `dist/` in a few files, the console, and the type declarations
 * of the entry points. One file loads much faster than four hundred files.
 */
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { rolldown } from 'rolldown';
import { minify } from 'rolldown/utils';

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
await copyDeclarations(entries.map((entry) => `${entry}.d.ts`));

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
    minify: { compress: true, mangle: false, codegen: false },
  });
  await bundle.close();
}

/**
 * Minifies chunks that contain only dependencies. Chunks with our code are only simplified and keep their lines, so that stack
 * traces stay readable.
 */
async function minifyDependencies(code, { fileName, moduleIds }) {
  const isOurs = moduleIds.some((id) => !id.includes('/node_modules/') && !id.startsWith('\0'));
  return isOurs ? null : (await minify(fileName, code, { module: true })).code;
}

async function copyDeclarations(waiting) {
  const found = new Set(waiting);
  // The loop also visits files that it adds to the set.
  for (const file of found) {
    const text = await readFile(join(DIST, file), 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)['"]/g)) {
      found.add(join(dirname(file), specifier).replace(/\.[jt]s$/, '.d.ts'));
    }
    await mkdir(dirname(join(LIB, file)), { recursive: true });
    await cp(join(DIST, file), join(LIB, file));
  }
}
