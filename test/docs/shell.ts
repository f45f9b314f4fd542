import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { runCommand } from '../cli/run-command.ts';

/** A command of a page, and what it printed. */
export interface Ran {
  readonly command: string;
  /** The standard output. If the command failed, the standard error follows. */
  readonly output: string;
  readonly code: number;
}

/** Runs the commands of pages in bash. */
export interface Shell {
  /** Runs commands, one after the other, in one bash. */
  readonly run: (commands: readonly string[]) => Promise<readonly Ran[]>;
  readonly close: () => void;
}

export interface ShellSettings {
  /** The folder in which the commands run. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What a command with `--database` uses. It has a password, so it must not be an argument. */
  readonly databaseUrl: string;
  /** Stops or starts the homeserver. The command `systemctl` calls this function. */
  readonly systemctl: (verb: string) => Promise<void>;
}

/**
 * What the commands of pages find. `matrix-admin` runs in the process of the test, because a new process for each command takes
 * ten times as long. `npm run test:cli` runs commands in the real program.
 */
const PRELUDE = `
in_test() { { env -0 | grep -z '^MATRIX_ADMIN_'; printf '\\0'; printf '%s\\0' "$@"; } | command curl -s --data-binary @- "$DOCS_URL"; }
matrix-admin() { local code; code=$(in_test matrix-admin "$@"); cat "$DOCS_DIR/.out"; cat "$DOCS_DIR/.err" >&2; return "$code"; }
systemctl() { in_test systemctl "$@" > /dev/null; }
curl() { command curl --silent --show-error --fail-with-body "$@"; }
`;

const END = '\u0001';

/** Starts what the commands of pages need. */
export async function openShell(settings: ShellSettings): Promise<Shell> {
  const { directory, environment, databaseUrl, systemctl } = settings;
  // A command names files of its own folder, but it runs in this process, whose folder is another one.
  const pathOf = (argument: string): string => {
    const path = join(directory, argument);
    return argument !== '' && !argument.startsWith('/') && existsSync(path) ? path : argument;
  };
  const perform = async (body: string): Promise<number> => {
    const [variables = '', call = ''] = body.split('\0\0');
    const [program, ...args] = call.split('\0').slice(0, -1);
    if (program === 'systemctl') {
      await systemctl(args[0] ?? '');
      return 0;
    }
    const entries = variables.split('\0').map((line) => line.split(/=([^]*)/).slice(0, 2));
    const values: Record<string, string> = Object.fromEntries(
      entries.map(([name, value = '']) => [name, pathOf(value)]),
    );
    const at = args.indexOf('--database');
    if (at >= 0) {
      args.splice(at, 2);
      delete values['MATRIX_ADMIN_URL'];
      values['MATRIX_ADMIN_DATABASE'] = databaseUrl;
    }
    const { code, stdout, stderr } = await runCommand(args.map(pathOf), { environment: values });
    await Promise.all([writeFile(join(directory, '.out'), stdout), writeFile(join(directory, '.err'), stderr)]);
    return code;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const code = await perform((await buffer(request)).toString());
    response.end(String(code));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      response.end('1');
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    run: async (commands) => {
      const script = commands.map((command) => {
        const end = `code=$?; [ $code = 0 ] || cat "$DOCS_DIR/.stderr"; printf '${END}%d${END}' $code`;
        return `{ ${command}\n} 2> "$DOCS_DIR/.stderr"; ${end}`;
      });
      const bash = spawn('bash', ['-c', `${PRELUDE}${script.join('\n')}`], {
        cwd: directory,
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: directory,
          DOCS_DIR: directory,
          DOCS_URL: `http://127.0.0.1:${port}`,
          ...environment,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const outputs = (await text(bash.stdout)).split(END);
      return commands.map((command, i) => ({
        command,
        output: outputs[2 * i] ?? '',
        code: Number(outputs[2 * i + 1] ?? -1),
      }));
    },
    close: () => server.close(),
  };
}
