/** An option that all commands have. */
interface GlobalOption {
  readonly type: 'boolean' | 'string';
  readonly short?: string;
  readonly multiple?: true;
  /** The placeholder for the value in `--help`. */
  readonly value?: string;
  readonly text: string;
}

/** The options of all commands, in the order of `--help`. */
export const GLOBAL_OPTIONS = {
  url: { type: 'string', value: 'url', text: 'Where the homeserver answers, such as https://example.org.' },
  'token-file': { type: 'string', value: 'file', text: "A file with an administrator's access token. - is the input." },
  database: {
    type: 'string',
    value: 'url',
    text: 'Works on PostgreSQL itself instead, such as postgres://dendrite@localhost/dendrite.',
  },
  homeserver: { type: 'string', value: 'name', text: 'With --database: the server name, as in @user:name.' },
  'signing-key': {
    type: 'string',
    multiple: true,
    value: 'file',
    text: "With --database: the homeserver's key file. Repeat it as name=file for virtual hosts.",
  },
  as: { type: 'string', value: 'user', text: 'With --database: the administrator whom the audit names.' },
  'plugin-options': {
    type: 'string',
    value: 'file',
    text: 'With --database: a JSON file with the plugin\'s options, such as {"serverNotices":{}}.',
  },
  'beside-server': {
    type: 'boolean',
    text: 'With --database: runs what is safe while Dendrite is connected to the same database.',
  },
  'dry-run': { type: 'boolean', text: 'Shows what the command would do, and does nothing.' },
  yes: { type: 'boolean', short: 'y', text: 'Asks nothing, for scripts.' },
  wait: { type: 'boolean', text: '--no-wait starts the job and prints its id.' },
  json: { type: 'boolean', text: 'Prints JSON.' },
  help: { type: 'boolean', short: 'h', text: 'Shows how a command is used.' },
  version: { type: 'boolean', short: 'V', text: 'Prints the version.' },
} as const satisfies Readonly<Record<string, GlobalOption>>;

export type GlobalOptionName = keyof typeof GLOBAL_OPTIONS;

/** The values of the options that all commands have. */
export type GlobalValues = {
  readonly [Name in GlobalOptionName]?: (typeof GLOBAL_OPTIONS)[Name] extends { multiple: true }
    ? string[]
    : (typeof GLOBAL_OPTIONS)[Name]['type'] extends 'boolean'
      ? boolean
      : string;
};

/** Environment variables that can be used instead of options. */
export const VARIABLES = {
  url: 'MATRIX_ADMIN_URL',
  token: 'MATRIX_ADMIN_TOKEN',
  'token-file': 'MATRIX_ADMIN_TOKEN_FILE',
  database: 'MATRIX_ADMIN_DATABASE',
  homeserver: 'MATRIX_ADMIN_HOMESERVER',
  'signing-key': 'MATRIX_ADMIN_SIGNING_KEY',
} as const;
