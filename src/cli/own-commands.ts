import type { OptionsConfig } from './arguments.ts';

/** A command that is more than one operation. */
export interface OwnCommand {
  readonly name: string;
  readonly usage: string;
  readonly text: string;
  readonly options: OptionsConfig;
  readonly examples: readonly string[];
}

/** The commands that are more than one operation. */
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
