/** The exit codes of the program. `docs/command-line.md` documents them. */
export const EXIT = {
  ok: 0,
  /** The homeserver or the program itself failed. */
  failed: 1,
  /** The command line, or a parameter, is wrong. */
  usage: 2,
  /** The access token is wrong, or its user is not an administrator. */
  forbidden: 3,
  notFound: 4,
  /**
   * The homeserver refuses the call because of a hook (a check that the homeserver adds), a limit, or the state of a room, a
   * user or something else.
   */
  refused: 5,
  /** The homeserver or the database cannot be reached. */
  unreachable: 6,
  jobFailed: 7,
  jobCancelled: 8,
  /** The person did not confirm. */
  notConfirmed: 9,
  /** The person pressed Ctrl-C. Shells use the same number. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error whose message says everything that a person needs to know. The program shows it without a stack trace. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Error codes of wrong parameters. Other error codes with status 400 mean that the state of a room, a user or something else
 * does not allow the call.
 */
const WRONG_PARAMETER =
  /^M_(?:BAD_JSON|EXCLUSIVE|INVALID_PARAM|INVALID_USERNAME|MISSING_PARAM|NOT_JSON|TOO_LARGE|USER_IN_USE|WEAK_PASSWORD)$/;

/** Returns the exit code for an error of the homeserver. */
export function exitCodeOf({ status, errcode }: { readonly status: number; readonly errcode: string }): ExitCode {
  // Hooks also refuse calls with status 403, but their error codes do not start with `M_`.
  if (status === 401 || (status === 403 && errcode.startsWith('M_'))) return EXIT.forbidden;
  if (status === 404) return EXIT.notFound;
  if (status >= 500) return EXIT.failed;
  return WRONG_PARAMETER.test(errcode) ? EXIT.usage : EXIT.refused;
}
