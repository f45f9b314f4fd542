import type { Readable, Writable } from 'node:stream';

/** Where the program reads and writes, and its environment variables. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

/**
 * Returns a function that colours text. The function leaves the text unchanged if the output is not a terminal, if the terminal
 * has no colours, or if the person has set `NO_COLOR` (https://no-color.org).
 */
export function painter(output: Output, { environment }: Terminal): (style: Style, text: string) => string {
  const isPlain = output.isTTY !== true || Boolean(environment.NO_COLOR) || environment.TERM === 'dumb';
  return (style, text) => (isPlain ? text : `\u001b[${CODES[style][0]}m${text}\u001b[${CODES[style][1]}m`);
}

/**
 * Replaces control characters, and characters that change the direction of text, by `�`. Anybody can choose the name of a room
 * or user, and a terminal obeys such characters in a name.
 */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '�');
}
