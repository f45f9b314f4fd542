import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CommandError, EXIT } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/**
 * Reads lines from the standard input. A person types the lines, or another program sends them. The whole program uses a single
 * reader, so that no line is lost.
 */
export interface LineReader {
  /**
   * Asks a question and reads a line. With `hidden`, the terminal does not show the line.
   * @throws CommandError if the input ends, or if the person presses Ctrl-C
   */
  readonly ask: (question: string, options?: { readonly hidden?: boolean }) => Promise<string>;
  /** Returns all remaining lines of the input. */
  readonly rest: () => Promise<string[]>;
  readonly close: () => void;
}

/**
 * Creates the reader of a terminal. The reader does not use the terminal before the first question.
 * @param signal aborted when the person presses Ctrl-C. An open question then throws a CommandError.
 */
export function createLineReader({ stdin, stderr }: Terminal, signal: AbortSignal): LineReader {
  let isHidden = false;
  const echo = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (!isHidden) stderr.write(chunk);
      done();
    },
  });
  let lines: ReturnType<typeof open> | undefined;
  const open = () => {
    const reader = createInterface({ input: stdin, output: echo, terminal: stdin.isTTY === true });
    // In raw mode, the terminal sends Ctrl-C as a character, and readline turns this character into an event instead of a
    // signal. But `main.ts` waits for the signal.
    reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    return { reader, iterator: reader[Symbol.asyncIterator]() };
  };
  const interruption = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(new CommandError(EXIT.interrupted, '\nNothing has changed.'));
    });
  });
  // If no question is open, nothing else handles this rejection.
  interruption.catch(() => {});
  return {
    ask: async (question, { hidden = false } = {}) => {
      lines ??= open();
      if (stdin.isTTY) stderr.write(question);
      isHidden = hidden;
      const line: IteratorResult<string, undefined> = await Promise.race([lines.iterator.next(), interruption]);
      isHidden = false;
      if (hidden && stdin.isTTY) stderr.write('\n');
      if (line.done) throw new CommandError(EXIT.usage, `The input ended before the answer to: ${question.trim()}`);
      return line.value;
    },
    rest: async () => {
      lines ??= open();
      const left: string[] = [];
      for await (const line of lines.iterator) left.push(line);
      return left;
    },
    close: () => lines?.reader.close(),
  };
}

/**
 * Reads a secret from a file, and removes the line break at the end. If `file` is `-`, reads the next line of the standard
 * input.
 */
export async function readSecret(file: string, reader: LineReader): Promise<string> {
  return file === '-' ? reader.ask('') : (await readText(file)).replace(/\r?\n$/, '');
}

/**
 * Reads the lines of a file, without spaces at their ends and without empty lines. If `file` is `-`, reads the rest of the
 * standard input.
 */
export async function readLines(file: string, reader: LineReader): Promise<string[]> {
  const lines = file === '-' ? await reader.rest() : (await readText(file)).split(/\r?\n/);
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}

/** Reads a file. @throws CommandError if it cannot be read */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandError(EXIT.usage, `Cannot read ${file} (${reason}).`);
  }
}
