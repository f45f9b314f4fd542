import type { IncomingHttpHeaders } from 'node:http';
import type { Access } from './keys.ts';
import type { Scheduler } from './scheduler.ts';
import type { Search } from './search.ts';
import type { State } from './state.ts';

/** An authorised request. */
export interface Call {
  readonly state: State;
  readonly scheduler: Scheduler;
  readonly search: Search;
  readonly access: Access;
  readonly masterKey: string | undefined;
  /** Path parameters. Empty if the path has none. */
  readonly uid: string;
  readonly id: string;
  readonly query: URLSearchParams;
  /** The query string as it was sent, with the question mark. */
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
  /** `:uid` is the name of an index, `:id` can be anything. */
  readonly path: string;
  /** The action that a key must allow. `none`: no key is needed. */
  readonly action: string;
  readonly answer: (call: Call) => Reply;
}
