import type { Logger, Notifier } from '../host.ts';
import { startAdminServer } from '../http/admin-server.ts';
import type { OptionValues } from './arguments.ts';
import { createDendriteNotifier } from './dendrite-notifier.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { type GlobalValues, VARIABLES } from './options.ts';
import { readText } from './secrets.ts';
import { startPlugin } from './start-plugin.ts';
import type { Terminal } from './terminal.ts';

/** `HOST` and `PORT` are the default address and port of the admin API. */
const HOST = '127.0.0.1';
const PORT = '8009';

/** Serves the admin API beside a running Dendrite until the signal is aborted. */
export async function serve(
  global: GlobalValues,
  options: OptionValues,
  { environment, stdout, stderr }: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const database = global.database ?? environment[VARIABLES.database];
  if (database === undefined) throw new CommandError(EXIT.usage, `serve needs --database, or ${VARIABLES.database}.`);
  const port = String(options['port'] ?? PORT);
  if (!/^\d{1,5}$/.test(port))
    throw new CommandError(EXIT.usage, `--port must be a number, not ${JSON.stringify(port)}.`);
  const key = environment[VARIABLES['signing-key']];
  const logger = jsonLogger((line) => stderr.write(line));
  const notifier = await notifierOf(options, logger);
  const { plugin, close } = await startPlugin(
    {
      database,
      isTyped: global.database !== undefined,
      serverName: global.homeserver ?? environment[VARIABLES.homeserver],
      signingKeys: global['signing-key'] ?? (key === undefined ? [] : [key]),
      optionsFile: global['plugin-options'],
      besideServer: true,
      applicationName: 'matrix-admin serve',
      logger,
      ...(notifier && { notifier }),
    },
    false,
  );
  try {
    const host = String(options['host'] ?? HOST);
    const server = await startAdminServer(plugin.router, {
      host,
      port: Number(port),
      trustProxy: options['trust-proxy'] === true,
    });
    stdout.write(`ready http://${host}:${server.port}\n`);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
    await server.close();
  } finally {
    await close();
  }
}

/**
 * Returns a notifier that makes Dendrite notice new events, or `undefined` if the options do not name Dendrite's address.
 * @throws CommandError if only one of the two options is given
 */
async function notifierOf(options: OptionValues, logger: Logger): Promise<Notifier | undefined> {
  const { 'dendrite-url': url, 'dendrite-token-file': file } = options;
  if (url === undefined && file === undefined) return undefined;
  if (typeof url !== 'string' || typeof file !== 'string') {
    throw new CommandError(EXIT.usage, '--dendrite-url and --dendrite-token-file belong together.');
  }
  const accessToken = (await readText(file)).trim();
  return createDendriteNotifier({ url, accessToken, logger });
}

/**
 * Creates a logger that writes each entry as one line of JSON, because log collectors expect this format. It leaves out debug
 * entries.
 */
function jsonLogger(write: (line: string) => void): Logger {
  const at =
    (level: string): Logger['info'] =>
    (fields, message) =>
      write(`${JSON.stringify({ level, time: new Date().toISOString(), ...fields, msg: message })}\n`);
  return { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') };
}
