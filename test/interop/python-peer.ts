import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { createPythonEnvironment } from '../support/python-environment.ts';

const run = promisify(execFile);
const PACKAGES = ['signedjson==1.1.4', 'canonicaljson==2.0.0'];
const PROGRAM = new URL('peer.py', import.meta.url).pathname;

/** A Python program that uses another implementation of Matrix. */
export interface PythonPeer {
  /** Names and versions of the other implementation. */
  readonly description: string;
  /** Sends lines of JSON to the program. @returns the program's answers */
  readonly ask: (lines: readonly unknown[]) => Promise<unknown[]>;
  readonly remove: () => Promise<void>;
}

async function versionsIn(python: string): Promise<string | undefined> {
  const program = `import importlib.metadata as m, signedjson, canonicaljson
print(", ".join(f"{p} {m.version(p)}" for p in ("signedjson", "canonicaljson", "PyNaCl")))`;
  return run(python, ['-c', program]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

/**
 * Starts the program with the system's Python if that has the packages. Otherwise installs the packages into a directory that
 * `remove()` deletes.
 * @throws Error that says what is missing
 */
export async function startPythonPeer(): Promise<PythonPeer> {
  const installed = await versionsIn('python3');
  if (installed !== undefined) return peerOf('python3', installed, async () => {});
  const { program, remove } = await createPythonEnvironment(PACKAGES);
  const python = program('python');
  return peerOf(python, (await versionsIn(python)) ?? '', remove);
}

function peerOf(python: string, description: string, remove: () => Promise<void>): PythonPeer {
  const ask = async (lines: readonly unknown[]): Promise<unknown[]> => {
    const child = spawn(python, [PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers: unknown[] = [];
    child.stdin.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    for await (const line of createInterface(child.stdout)) answers.push(JSON.parse(line));
    return answers;
  };
  return { description, ask, remove };
}
