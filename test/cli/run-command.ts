import { Readable, Writable } from 'node:stream';
import { run } from '../../src/cli/run.ts';
import { recordOutput } from '../support/test-output.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** What the program reads. @defaultValue nothing */
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** Called with the whole output so far. */
  readonly onOutput?: (stdout: string) => void;
}

/** Runs a command line in this process, without a terminal. */
export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const stdout = collect(options.onOutput);
  const stderr = collect();
  const terminal = {
    stdin: Readable.from(options.input === undefined ? [] : [options.input]),
    stdout: stdout.stream,
    stderr: stderr.stream,
    environment: options.environment ?? {},
  };
  const signal = options.signal ?? new AbortController().signal;
  const code = await run(args, { terminal, readVersion: () => '1.2.3', signal });
  recordOutput('error', stderr.text());
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function collect(onOutput?: (text: string) => void): { readonly stream: Writable; readonly text: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk.toString('utf8'));
      onOutput?.(chunks.join(''));
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
}
