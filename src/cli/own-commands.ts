import type { OptionsConfig } from './arguments.ts';

/** A command that the program itself implements, such as `serve`. All other commands run one operation each. */
export interface OwnCommand {
  readonly name: string;
  readonly usage: string;
  readonly text: string;
  readonly options: OptionsConfig;
  readonly examples: readonly string[];
}

/** The commands that the program itself implements. */
export const OWN_COMMANDS: readonly OwnCommand[] = [
  {
    name: 'jobs watch',
    usage: '<job-id>',
    text: 'Shows the progress of a job until its end. Ctrl-C leaves the job alone. With --database, the job runs in this program.',
    options: {},
    examples: ['jobs watch 5329af25-b20b-4d60-90f1-70655fc53eee'],
  },
  {
    name: 'audit tail',
    usage: '[--no-follow]',
    text: 'Shows the last entries of the audit, and then each new one.',
    options: { follow: { type: 'boolean' } },
    examples: ['audit tail', 'audit tail --no-follow --json'],
  },
  {
    name: 'serve',
    usage: '--database <url> --homeserver <name> --signing-key <file> [options]',
    text: 'Serves the admin API beside a running Dendrite, on 127.0.0.1 and port 8009 unless you say otherwise. Refuses what is not safe there, and says what to do instead. The options are --host <address>, --port <number>, --trust-proxy (a reverse proxy names the address of the client), and --dendrite-url <url> with --dendrite-token-file <file>: an event in a private room of that account then makes Dendrite show new events to its clients at once.',
    options: {
      host: { type: 'string' },
      port: { type: 'string' },
      'trust-proxy': { type: 'boolean' },
      'dendrite-url': { type: 'string' },
      'dendrite-token-file': { type: 'string' },
    },
    examples: [
      'serve --database postgres://dendrite@localhost/dendrite --homeserver example.org --signing-key matrix_key.pem',
    ],
  },
  {
    name: 'completion',
    usage: 'bash|zsh|fish',
    text: 'Prints a script that lets a shell complete commands and options.',
    options: {},
    examples: [
      'completion bash > ~/.local/share/bash-completion/completions/matrix-admin',
      "completion zsh > '${fpath[1]}/_matrix-admin'",
      'completion fish > ~/.config/fish/completions/matrix-admin.fish',
    ],
  },
];
