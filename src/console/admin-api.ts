import type { Answers } from '../client/answers.ts';

/** A JSON object of the admin API. */
export type Json = Readonly<Record<string, unknown>>;

/** The homeserver has answered with an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** The body of the answer. It has, for example, `errcode` and `approval_id`. */
  readonly answer: Json;

  constructor(status: number, answer: Json) {
    super(typeof answer.error === 'string' ? answer.error : `the homeserver answered with status ${status}`);
    this.status = status;
    this.answer = answer;
  }
}

/** A job, as `GET /_dendrite/admin/jobs/{id}` shows it. */
export type Job = Answers['getJob'];

/** Sends requests to the homeserver, with the access token of one administrator. */
export interface AdminApi {
  readonly userId: string;
  /**
   * Sends a request. A body is sent as JSON.
   * @throws ApiError if the answer is not a success; TypeError if the homeserver cannot be reached
   */
  readonly call: (method: string, path: string, body?: Json) => Promise<Json>;
  /** Starts a job without waiting for its end. @returns the job's id @throws the errors of `call` */
  readonly start: (method: string, path: string, body: Json) => Promise<string>;
  /**
   * Yields a job at once and after each change, until the job has ended. Ends earlier if the homeserver ends the connection.
   * @throws the errors of `call`, or another error if the connection breaks
   */
  readonly watch: (jobId: string, signal: AbortSignal) => AsyncGenerator<Job>;
  /** Logs out. The homeserver deletes the access token. */
  readonly logOut: () => Promise<void>;
}

/** The URL under which the homeserver's API is mounted, without a slash at the end. */
const base = (): string => location.href.split('/_dendrite/admin/console')[0] ?? location.origin;

async function request(method: string, path: string, headers: Record<string, string>, body?: Json): Promise<Response> {
  const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  // `omit` keeps the browser from sending cookies.
  return fetch(base() + path, { ...init, credentials: 'omit', cache: 'no-store' });
}

async function answerOf(response: Response): Promise<Json> {
  const answer: unknown = await response.json().catch(() => ({}));
  const object = isJson(answer) ? answer : {};
  if (!response.ok) throw new ApiError(response.status, object);
  return object;
}

/** Tells whether a value is a JSON object. */
export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Logs in with a password.
 * @returns an access token
 * @throws ApiError if the homeserver refuses; TypeError if the homeserver cannot be reached
 */
export async function logIn(user: string, password: string): Promise<string> {
  const body = {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user },
    password,
    initial_device_display_name: 'Admin console',
  };
  const headers = { 'content-type': 'application/json' };
  const answer = await answerOf(await request('POST', '/_matrix/client/v3/login', headers, body));
  return String(answer.access_token);
}

/**
 * Checks an access token and returns the API for it.
 * @throws ApiError if the token is unknown, or if its account is not an administrator; TypeError if the homeserver cannot be
 * reached
 */
export async function openApi(token: string): Promise<AdminApi> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const call = async (method: string, path: string, body?: Json): Promise<Json> =>
    answerOf(await request(method, path, headers, body));
  const { user_id: userId } = await call('GET', '/_matrix/client/v3/account/whoami');
  // Only an administrator may list jobs, so this request fails if the user is not an administrator.
  await call('GET', '/_dendrite/admin/jobs?limit=1');
  return {
    userId: String(userId),
    call,
    start: async (method, path, body) => {
      const asynchronous = { ...headers, prefer: 'respond-async' };
      const answer = await answerOf(await request(method, path, asynchronous, body));
      return String(answer.job_id);
    },
    watch: (jobId, signal) => watchJob(`${base()}/_dendrite/admin/jobs/${jobId}/events`, headers, signal),
    logOut: async () => void (await call('POST', '/_matrix/client/v3/logout', {})),
  };
}

async function* watchJob(url: string, headers: Record<string, string>, signal: AbortSignal): AsyncGenerator<Job> {
  const response = await fetch(url, { headers, signal, credentials: 'omit', cache: 'no-store' });
  if (!response.ok) await answerOf(response);
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    text += read.value;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const data = event.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) yield JSON.parse(data.slice('data: '.length)) as Job;
    }
  }
}
