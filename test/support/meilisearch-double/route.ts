import type { IncomingHttpHeaders } from 'node:http';
import type { Access } from './keys.ts';
import type { Scheduler } from './scheduler.ts';
import type { Search } from './search.ts';
import type { State } from './state.ts';

/** A request that was let in. */
export interface Call {
  readonly state: State;
  readonly scheduler: Scheduler;
  readonly search: Search;
  readonly access: Access;
  readonly masterKey: string | undefined;
  /** The parts of the path; empty where it has none. */
  readonly uid: string;
  readonly id: string;
  readonly query: URLSearchParams;
  /** As it was sent, with the question mark. */
  readonly queryString: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `:uid` is the name of an index, `:id` anything. */
  readonly path: string;
  /** What a key must be allowed to do; `none`: no key is asked for. */
  readonly action: string;
  readonly answer: (call: Call) => Reply;
}
