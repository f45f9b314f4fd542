/** The oldest version of Node.js on which the package runs. */
const OLDEST_NODE = [20, 19] as const;

/** Checks the version of Node.js. @throws Error if the version is too old */
export function requireNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(`this needs Node.js ${OLDEST_NODE.join('.')} or later, and it runs on ${version}`);
}
