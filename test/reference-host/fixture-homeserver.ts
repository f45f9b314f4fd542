import { readFileSync } from 'node:fs';
import { isServerName } from '../../src/ids.ts';
import { privateKeyOf } from '../../src/matrix/sign-event.ts';
import { createHomeserver, type Homeserver, type HomeserverSettings } from '../../src/reference-host/homeserver.ts';
import { postgresSearch } from '../../src/search/postgres/index.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { createTestDatabase } from '../support/database.ts';
import { recordExchange } from '../support/test-output.ts';

interface FixtureUser {
  readonly user_id: string;
  readonly access_token: string;
  readonly password: string;
}

interface Fixture {
  readonly server_name: string;
  readonly signing_key: { readonly key_id: string; readonly seed_base64: string };
  readonly users: Readonly<Record<'admin' | 'alice' | 'bob' | 'carol' | 'dave' | 'erin' | 'frank', FixtureUser>>;
  readonly rooms: Readonly<Record<string, string>>;
}

/** The server, the users and the rooms of the recorded data. */
export const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../fixtures/dendrite/server.json', import.meta.url), 'utf8'),
);

/** The type that `JSON.parse()` returns. */
export type Json = ReturnType<typeof JSON.parse>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body of the answer. It is parsed if it is JSON, and a text otherwise. */
  readonly body: Json;
}

export interface FixtureHomeserver {
  readonly homeserver: Homeserver;
  readonly origin: string;
  /** The settings, with which a test can create another homeserver on the same database. */
  readonly settings: HomeserverSettings;
  /** Sends a request as a user of the recorded data, or without an access token. */
  readonly call: (
    user: keyof Fixture['users'] | undefined,
    method: string,
    path: string,
    body?: unknown,
  ) => Promise<Answer>;
  readonly stop: () => Promise<void>;
}

export async function request(url: URL, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const authorization = new Headers(init.headers).get('authorization');
  recordExchange(
    { path: url.pathname + url.search, authorization, body: init.body },
    { status: response.status, text },
  );
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** Starts a real homeserver on a separate database that has the recorded data. */
export async function startFixtureHomeserver(overrides: Partial<HomeserverSettings> = {}): Promise<FixtureHomeserver> {
  const { server_name: serverName, signing_key: key } = fixture;
  if (!isServerName(serverName)) throw new Error('the fixture has no server name');
  const database = await createTestDatabase({ fixture: true });
  const settings: HomeserverSettings = {
    databaseUrl: database.connectionString,
    signingKey: { serverName, keyId: key.key_id, privateKey: privateKeyOf(Buffer.from(key.seed_base64, 'base64')) },
    search: postgresSearch(),
    rateLimit: true,
    logger: createCapturedLogger(),
    ...overrides,
  };
  const homeserver = createHomeserver(settings);
  const origin = `http://127.0.0.1:${await homeserver.listen(0)}`;
  return {
    homeserver,
    origin,
    settings,
    call: (user, method, path, body) =>
      request(new URL(path, origin), {
        method,
        ...(user !== undefined && { headers: { authorization: `Bearer ${fixture.users[user].access_token}` } }),
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    stop: async () => {
      await homeserver.close();
      await database.drop();
    },
  };
}

export function roomNamed(name: string): string {
  const roomId = fixture.rooms[name];
  if (roomId === undefined) throw new Error(`the fixture has no room ${name}`);
  return roomId;
}

let transactions = 0;

/** Makes the path of a request that sends an event. */
export function sendPath(room: string, type = 'm.room.message', txnId = `txn-${transactions++}`): string {
  const parts = [roomNamed(room), 'send', type, txnId].map(encodeURIComponent);
  return `/_matrix/client/v3/rooms/${parts.join('/')}`;
}

export function redactPath(room: string, eventId: string, txnId = `txn-${transactions++}`): string {
  const parts = [roomNamed(room), 'redact', eventId, txnId].map(encodeURIComponent);
  return `/_matrix/client/v3/rooms/${parts.join('/')}`;
}

/** Makes the body of a search for events. */
export function searchFor(term: string, more: Record<string, unknown> = {}): unknown {
  return { search_categories: { room_events: { search_term: term, ...more } } };
}
