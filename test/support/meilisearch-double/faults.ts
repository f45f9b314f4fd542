import type { Task } from './state.ts';

/** The possible faults. */
export type FaultName =
  /** Answers 413 with a text body, like a proxy in front of the server. */
  | 'payload-too-large'
  /** Answers 408 with an empty body, like a server that was too busy to read the request. */
  | 'request-timeout'
  /** Answers 429 with a text body and `Retry-After`. */
  | 'too-many-requests'
  /** Answers 502 with an HTML page. */
  | 'bad-gateway'
  /** Answers 503 with `Retry-After`, like a server with too many waiting searches. */
  | 'unavailable'
  /** Answers 200 with an HTML page. */
  | 'wrong-page'
  /** Resets the connection before the request is processed. */
  | 'reset'
  /** Processes the request and resets the connection before the answer. */
  | 'lost-answer'
  /** Delays the answer by `delayMs`. */
  | 'slow'
  /** Runs the next swap twice. Its task succeeds. */
  | 'swap-twice'
  /** Fails every task of the next batch with `code`. */
  | 'batch-failure'
  /** Forgets the next task that ends. */
  | 'vanished-task';

export interface Fault {
  readonly name: FaultName;
  /** Number of requests, batches or tasks that the fault affects. @defaultValue 1 */
  readonly times?: number;
  /**
   * The fault affects only requests whose method and path match, for example `/^POST .*documents/`. @defaultValue all requests
   * except `/health`
   */
  readonly request?: RegExp;
  /** Delay of the fault `slow`, in ms. @defaultValue 1000 */
  readonly delayMs?: number;
  /** Value of `Retry-After`, in seconds. @defaultValue 0 */
  readonly retryAfter?: number;
  /** Error code of the fault `batch-failure`. @defaultValue `internal` */
  readonly code?: string;
  /** The fault `batch-failure` affects only batches with a document whose JSON matches. @defaultValue any batch of documents */
  readonly document?: RegExp;
}

export interface FaultyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Faults {
  readonly inject: (fault: Fault) => void;
  readonly clear: () => void;
  /** Returns the fault that affects a request, and removes it. */
  readonly takeForRequest: (method: string, path: string) => Fault | undefined;
  readonly takeBatchFailure: (batch: readonly Task[]) => string | undefined;
  readonly takeSecondSwap: () => boolean;
  readonly takeVanishing: (task: Task) => boolean;
}

const OF_TASKS: ReadonlySet<FaultName> = new Set(['swap-twice', 'batch-failure', 'vanished-task']);
const HTML = { 'Content-Type': 'text/html' };
const TEXT = { 'Content-Type': 'text/plain' };

export function createFaults(): Faults {
  const armed: { fault: Fault; left: number }[] = [];

  const take = (isHit: (fault: Fault) => boolean): Fault | undefined => {
    const hit = armed.find(({ fault, left }) => left > 0 && isHit(fault));
    if (hit !== undefined) hit.left -= 1;
    return hit?.fault;
  };

  return {
    inject: (fault) => armed.push({ fault, left: fault.times ?? 1 }),
    clear: () => armed.splice(0),
    takeForRequest: (method, path) =>
      take(({ name, request }) => !OF_TASKS.has(name) && (request?.test(`${method} ${path}`) ?? path !== '/health')),
    takeBatchFailure: (batch) => {
      const documents = batch.flatMap(({ work }) => (work.type === 'documentAdditionOrUpdate' ? work.documents : []));
      if (documents.length === 0) return undefined;
      const fault = take(
        ({ name, document }) =>
          name === 'batch-failure' &&
          (document === undefined || documents.some((one) => document.test(JSON.stringify(one)))),
      );
      return fault === undefined ? undefined : (fault.code ?? 'internal');
    },
    takeSecondSwap: () => take(({ name }) => name === 'swap-twice') !== undefined,
    takeVanishing: ({ work }) =>
      work.type !== 'taskDeletion' && take(({ name }) => name === 'vanished-task') !== undefined,
  };
}

/** Returns the answer that replaces the engine's answer. Returns `undefined` if the fault gives no answer. */
export function answerOf({ name, retryAfter = 0 }: Fault): FaultyAnswer | undefined {
  const wait = { 'Retry-After': String(retryAfter) };
  const page = '<html><body><h1>502 Bad Gateway</h1></body></html>';
  switch (name) {
    case 'payload-too-large':
      return { status: 413, headers: { ...TEXT, Connection: 'close' }, body: 'Request Entity Too Large' };
    case 'request-timeout':
      return { status: 408, headers: { Connection: 'close' }, body: '' };
    case 'too-many-requests':
      return { status: 429, headers: { ...TEXT, ...wait }, body: 'slow down' };
    case 'bad-gateway':
      return { status: 502, headers: HTML, body: page };
    case 'wrong-page':
      return { status: 200, headers: HTML, body: page };
    case 'unavailable':
      return {
        status: 503,
        headers: { 'Content-Type': 'application/json', ...wait },
        body: JSON.stringify({
          message: 'Too many search requests running at the same time: 2. Retry after 10s.',
          code: 'too_many_search_requests',
          type: 'system',
          link: 'https://docs.meilisearch.com/errors#too_many_search_requests',
        }),
      };
    default:
      return undefined;
  }
}
