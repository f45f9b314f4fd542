import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerName } from '../../src/ids.ts';
import { serverName as parseServerName } from '../../src/index.ts';
import { createHomeserver, type Homeserver } from '../../src/reference-host/homeserver.ts';
import { loadSigningKey } from '../../src/reference-host/signing-key.ts';
import { postgresSearch } from '../../src/search/postgres/index.ts';
import { type Answer, request } from '../reference-host/fixture-homeserver.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { createTestDatabase } from '../support/database.ts';

/** The homeserver on which the commands of all pages run. */
export interface ExampleHomeserver {
  /** Replaces what pages write, such as the ids of rooms and addresses, by what this run has. */
  readonly toReal: (text: string) => string;
  /** The opposite of `toReal`. */
  readonly toWritten: (text: string) => string;
  readonly start: () => Promise<void>;
  /** Ends the homeserver. Does nothing if it has ended. */
  readonly stop: () => Promise<void>;
  readonly adminToken: string;
  readonly databaseUrl: string;
  /** Runs a statement of SQL in the homeserver's database. */
  readonly query: (statement: string) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

const SERVER_NAME: ServerName = parseServerName('example.org');
const ADDRESS = 'http://127.0.0.1:8008';
const PEOPLE = ['admin', 'me', 'alice', 'bob', 'carol', 'dave', 'erin', 'spammer', 'mallory', 'zoe'] as const;
/** The rooms of the pages, each with the people who join it. The first of them creates it. */
const ROOMS: Readonly<Record<string, readonly (typeof PEOPLE)[number][]>> = {
  id: ['alice', 'bob'],
  old: ['alice', 'bob'],
  lobby: ['alice', 'bob', 'spammer', 'mallory'],
  spam: ['spammer', 'bob'],
  large: ['carol', 'dave'],
  archive: ['carol', 'dave'],
  stuck: ['erin', 'dave'],
  forsaken: ['zoe'],
};

/** Starts the reference homeserver `example.org` on an empty database, and fills it with the people and rooms of the pages. */
export async function startExampleHomeserver(directory: string): Promise<ExampleHomeserver> {
  const database = await createTestDatabase();
  const mediaDirectory = join(directory, 'media_store');
  await mkdir(mediaDirectory);
  const settings = {
    databaseUrl: database.connectionString,
    signingKey: await loadSigningKey(join(directory, 'matrix_key.pem'), SERVER_NAME),
    search: postgresSearch(),
    rateLimit: false,
    mediaDirectory,
    accounts: {
      accounts: { bcryptCost: 4 },
      registration: { sharedSecret: 'the shared secret of the pages', requiresToken: true },
      serverNotices: {},
    },
    logger: createCapturedLogger(),
  };
  let homeserver: Homeserver | undefined;
  let port = 0;
  const start = async (): Promise<void> => {
    homeserver ??= createHomeserver(settings);
    port = await homeserver.listen(port);
  };
  const stop = async (): Promise<void> => {
    await homeserver?.close();
    homeserver = undefined;
  };
  await start();
  const origin = `http://127.0.0.1:${port}`;
  const call = (token: string | undefined, path: string, body: unknown, method = 'POST'): Promise<Answer> =>
    request(new URL(path, origin), {
      method,
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
      body: JSON.stringify(body),
    });

  const tokens = new Map<string, string>();
  for (const name of PEOPLE) {
    const password = `the password of ${name}`;
    await homeserver?.admin.operations.setUser(
      { userId: `@${name}:${SERVER_NAME}`, password, admin: name === 'admin' },
      { actor: { kind: 'system', name: 'pages' } },
    );
    const { body } = await call(undefined, '/_matrix/client/v3/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: name },
      password,
    });
    tokens.set(name, body.access_token);
  }
  const ids = new Map<string, string>();
  for (const [name, [creator = '', ...others]] of Object.entries(ROOMS)) {
    const { body } = await call(tokens.get(creator), '/_matrix/client/v3/createRoom', {
      room_version: '10',
      preset: 'public_chat',
      name: `The room ${name}`,
      room_alias_name: name,
    });
    const roomId: string = body.room_id;
    ids.set(`!${name}:${SERVER_NAME}`, roomId);
    for (const other of others) await call(tokens.get(other), `/_matrix/client/v3/join/${roomId}`, {});
    for (const [n, person] of [creator, ...others].entries()) {
      const path = `/_matrix/client/v3/rooms/${roomId}/send/m.room.message/page-${n}`;
      await call(tokens.get(person), path, { msgtype: 'm.text', body: `${person} writes about ${name}` }, 'PUT');
    }
  }
  const adminToken = tokens.get('admin') ?? '';
  await writeFile(join(directory, 'token.txt'), adminToken);

  const replacements: readonly (readonly [written: string, real: string])[] = [[ADDRESS, origin], ...ids];
  return {
    toReal: (text) =>
      replacements
        .reduce((changed, [written, real]) => changed.replaceAll(written, real), text)
        .replaceAll('https://example.org', origin)
        .replaceAll('/etc/dendrite/matrix_key.pem', 'matrix_key.pem'),
    toWritten: (text) =>
      replacements.reduce(
        // Ids of pages are shorter. Spaces keep the columns of tables where they are.
        (changed, [written, real]) =>
          changed.replaceAll(`${real}  `, `${written.padEnd(real.length)}  `).replaceAll(real, written),
        text,
      ),
    start,
    stop,
    adminToken,
    databaseUrl: database.connectionString,
    query: async (statement) => database.db.raw(statement),
    close: async () => {
      await stop();
      await database.drop();
    },
  };
}
