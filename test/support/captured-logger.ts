import type { Logger } from '../../src/host.ts';
import { recordOutput } from './test-output.ts';

export interface LogLine {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Creates a logger that stores every line of every level. */
export function createCapturedLogger(): Logger & { readonly lines: LogLine[]; readonly text: () => string } {
  const lines: LogLine[] = [];
  const at =
    (level: keyof Logger) =>
    (fields: Record<string, unknown>, message: string): void => {
      lines.push({ level, fields, message });
      recordOutput('record', JSON.stringify({ level, fields, message }));
    };
  return {
    lines,
    text: () => lines.map((line) => JSON.stringify(line)).join('\n'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
