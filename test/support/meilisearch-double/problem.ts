/** An error, in the format of an answer and of a failed task. */
export interface Problem {
  readonly message: string;
  readonly code: string;
  readonly type: 'invalid_request' | 'auth' | 'internal' | 'system';
  readonly link: string;
}

/** The error that the double's routes and tasks throw. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.problem = { message, code, type: typeOf(code), link: `https://docs.meilisearch.com/errors#${code}` };
  }
}

const AUTH_CODES: ReadonlySet<string> = new Set([
  'invalid_api_key',
  'missing_authorization_header',
  'missing_master_key',
]);
const SYSTEM_CODES: ReadonlySet<string> = new Set(['io_error', 'no_space_left_on_device', 'too_many_open_files']);

function typeOf(code: string): Problem['type'] {
  if (AUTH_CODES.has(code)) return 'auth';
  if (SYSTEM_CODES.has(code)) return 'system';
  return code === 'internal' ? 'internal' : 'invalid_request';
}

export const badRequest = (code: string, message: string): ProblemError => new ProblemError(400, code, message);
export const internal = (message: string): ProblemError => new ProblemError(500, 'internal', message);
export const indexNotFound = (...uids: string[]): ProblemError =>
  new ProblemError(
    404,
    'index_not_found',
    `${uids.length === 1 ? 'Index' : 'Indexes'} ${uids.map((uid) => `\`${uid}\``).join(', ')} not found.`,
  );
