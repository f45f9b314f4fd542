import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const root = new URL('../', import.meta.url);

/** Lists the places where Node looks for the dependencies of the package at `path`, nearest first. */
function placesOf(path: string): string[] {
  const parts = path.split(/\/?node_modules\//);
  return parts.map((_, index) =>
    [...parts.slice(0, parts.length - index), ''].join('/node_modules/').replace(/^\//, ''),
  );
}

// If a registry lacks packages for other platforms, npm leaves them out of the lock file, and `npm ci` then refuses the lock
// file.
it('the lock file has every dependency for every platform', async () => {
  const lock = JSON.parse(await readFile(new URL('package-lock.json', root), 'utf8'));
  const packages: Readonly<Record<string, Locked>> = lock.packages;
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !placesOf(path).some((place) => place + name in packages))
      .map((name) => `${name} of ${path}`),
  );
  expect(Object.keys(packages).length).toBeGreaterThan(100);
  expect(missing).toEqual([]);
});
