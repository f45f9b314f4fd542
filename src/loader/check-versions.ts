import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import semver from 'semver';
import { isRecord } from '../json.ts';
import type { Manifest } from './manifest.ts';

/** Finds the entry file of an npm package. @returns its file URL. @throws Error if the package is not installed */
export type Resolve = (specifier: string) => string;

/**
 * Lists wrong or missing versions of Node, of the package and of its peer dependencies. Each problem is one sentence with its
 * remedy.
 */
export function mistakesOfVersions(manifest: Manifest, resolve: Resolve): readonly string[] {
  const { engines, name, version, peerDependencies, optionalPeers } = manifest;
  return [
    ...mistakeOf('Node', process.versions.node, engines.node, 'install such a version of Node'),
    ...mistakeOf(name, versionOf(name, resolve), version, `npm install ${name}@${version}`),
    ...Object.entries(peerDependencies).flatMap(([peer, range]) => {
      const found = versionOf(peer, resolve);
      if (found === undefined && optionalPeers.includes(peer)) return [];
      return mistakeOf(peer, found, range, `npm install ${peer}@${JSON.stringify(range)}`);
    }),
    ...optionalPeers
      .filter((peer) => peerDependencies[peer] === undefined)
      .map((peer) => `manifest.optionalPeers names ${peer}, which is not in peerDependencies`),
  ];
}

/**
 * Checks the version of the PostgreSQL server. Returns one sentence if it is wrong, else an empty list. @param version a
 * version such as `16.4`
 */
export function mistakesOfPostgres({ engines }: Manifest, version: string): readonly string[] {
  return mistakeOf('PostgreSQL', semver.coerce(version)?.version, engines.postgresql, 'upgrade the database server');
}

function mistakeOf(name: string, found: string | undefined, range: string, remedy: string): string[] {
  if (semver.validRange(range) === null) return [`the manifest asks for ${name} ${range}, which is not a semver range`];
  if (found === undefined) return [`${name} ${range} is not installed: ${remedy}`];
  if (semver.satisfies(found, range, { includePrerelease: true })) return [];
  return [`${name} must have the version ${range}, but has ${found}: ${remedy}`];
}

/**
 * Finds the version of an installed package. The package's `exports` may hide its package.json, so the function searches the
 * folders above its entry file.
 */
function versionOf(name: string, resolve: Resolve): string | undefined {
  let folder: string;
  try {
    folder = dirname(fileURLToPath(resolve(name)));
  } catch {
    return undefined;
  }
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) continue;
    const facts: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (isRecord(facts) && facts.name === name && typeof facts.version === 'string') return facts.version;
  }
  return undefined;
}
