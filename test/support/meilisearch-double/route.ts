import type { IncomingHttpHeaders } from 'node:http';
import type { Access } from './keys.ts';
import type { Scheduler } from './scheduler.ts';
import type { Search } from './search.ts';
import type { State } from './state.ts';

/** A request that the key allows. */
export interface Call {
  readonly state: State;
  readonly scheduler: Scheduler;
  readonly search: Search;
  readonly access: Access;
  readonly masterKey: string | undefined;
  /** Path parameters. They are empty if the path has none. */
  readonly uid: string;
  readonly id: string;
  readonly query: URLSearchParams;
  /** The query string as it was sent, including the question mark. */
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
  /** Path template. `:uid` stands for the name of an index, and `:id` for any id. */
  readonly path: string;
  /** The action that the key must allow. `none` means that no key is needed. */
  readonly action: string;
  readonly answer: (call: Call) => Reply;
}
