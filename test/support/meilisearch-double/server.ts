import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { answerOf, type Fault, type Faults } from './faults.ts';
import { authenticate, authorise } from './keys.ts';
import { ProblemError } from './problem.ts';
import { readBody } from './request-body.ts';
import type { Call, Reply, Route } from './route.ts';
import { ROUTES } from './routes.ts';
import type { Scheduler } from './scheduler.ts';
import type { Search } from './search.ts';
import type { State } from './state.ts';
import { expectIndexUid } from './values.ts';

export interface ServerContext {
  readonly state: State;
  readonly scheduler: Scheduler;
  readonly search: Search;
  readonly faults: Faults;
  readonly masterKey: string | undefined;
  readonly payloadLimit: number;
  readonly onRequest: (request: { readonly method: string; readonly path: string }) => void;
}

interface Target {
  readonly route: Route;
  readonly uid: string;
  readonly id: string;
}

const DEFAULT_SLOWNESS_MS = 1_000;
const BODY_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Answers one request, or makes a fault happen instead. */
export async function serve(context: ServerContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const method = request.method ?? 'GET';
  const url = new URL(`http://double${(request.url ?? '/').replace(/^\/+/, '/')}`);
  context.onRequest({ method, path: `${url.pathname}${url.search}` });
  const fault = context.faults.takeForRequest(method, url.pathname);
  if (await runInto(fault, request, response)) return;
  const { status, body } = await answer(context, request, method, url);
  if (fault?.name === 'lost-answer') {
    request.socket.resetAndDestroy();
    return;
  }
  const headers: Record<string, string> = {
    Vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (status === 413) headers['Connection'] = 'close';
  response.writeHead(status, headers).end(body === undefined ? '' : JSON.stringify(body));
  if (!request.complete) request.resume();
}

/** Makes a fault happen. @returns whether the fault replaces the whole answer */
async function runInto(fault: Fault | undefined, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  if (fault === undefined) return false;
  if (fault.name === 'slow') await delay(fault.delayMs ?? DEFAULT_SLOWNESS_MS);
  if (fault.name === 'reset') {
    request.socket.resetAndDestroy();
    return true;
  }
  const made = answerOf(fault);
  if (made === undefined) return false;
  request.resume();
  response.writeHead(made.status, made.headers).end(made.body);
  return true;
}

async function answer(
  { state, scheduler, search, masterKey, payloadLimit }: ServerContext,
  request: IncomingMessage,
  method: string,
  url: URL,
): Promise<Reply> {
  const targets = targetsOf(url.pathname);
  const target = targets.find(({ route }) => route.method === method);
  if (target === undefined) return { status: targets.length === 0 ? 404 : 405, body: undefined };
  const { route, uid, id } = target;
  const { headers } = request;
  try {
    const isOpen = route.action === 'none';
    const access = authenticate(state, isOpen ? undefined : masterKey, headers.authorization);
    const isIndexed = route.path.includes(':uid');
    if (isIndexed) expectIndexUid(uid);
    if (!isOpen) authorise(access, route.action, isIndexed ? uid : undefined);
    const isDocuments = route.action === 'documents.add';
    const body = BODY_METHODS.has(method) ? await readBody(request, payloadLimit, isDocuments) : Buffer.alloc(0);
    const common = { state, scheduler, search, access, masterKey, uid, id, headers, body };
    return route.answer({
      ...common,
      query: url.searchParams,
      queryString: decodeURIComponent(url.search),
    } satisfies Call);
  } catch (error) {
    if (error instanceof ProblemError) return { status: error.status, body: error.problem };
    throw error;
  }
}

/** Finds the routes of a path for all methods. A fixed part of a path has priority over a parameter. */
function targetsOf(pathname: string): Target[] {
  const parts = pathname
    .replace(/(?<=.)\/$/, '')
    .split('/')
    .map(decode);
  const targets = ROUTES.flatMap((route): Target[] => {
    const pattern = route.path.split('/');
    if (pattern.length !== parts.length) return [];
    if (!pattern.every((part, at) => part.startsWith(':') || part === parts[at])) return [];
    const valueOf = (name: string): string => parts[pattern.indexOf(name)] ?? '';
    return [{ route, uid: valueOf(':uid'), id: valueOf(':id') }];
  });
  return targets.sort((a, b) => Number(a.route.path.endsWith(':id')) - Number(b.route.path.endsWith(':id')));
}

function decode(part: string): string {
  return Buffer.from(
    part.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('utf8');
}
