#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { isRecord } from '../json.ts';
import { run } from './run.ts';

const interrupted = new AbortController();
// The first signal of each kind interrupts the command. A second signal of that kind has no handler, so it ends the program at
// once.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort());
// The program that reads the output may end early, as `head` does. Then this program ends too.
process.stdout.on('error', () => process.exit(0));

/** Reads the version of the package. */
function readVersion(): string {
  const facts: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return isRecord(facts) ? String(facts.version) : '';
}

const { stdin, stdout, stderr } = process;
process.exitCode = await run(process.argv.slice(2), {
  terminal: { stdin, stdout, stderr, environment: process.env },
  readVersion,
  signal: interrupted.signal,
});
