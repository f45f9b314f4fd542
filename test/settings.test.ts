import { generateKeyPairSync } from 'node:crypto';
import knex, { type Knex } from 'knex';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminPluginOptions } from '../src/config.ts';
import type { Host } from '../src/host.ts';
import { createAdminPlugin } from '../src/plugin.ts';
import { createSigningKey, SERVER_NAME } from './support/dendrite-server.ts';

const key = createSigningKey();
const SECRET = 'a-secret-that-nobody-repeats';
const noop = (): void => {};

let db: Knex;
const others: Knex[] = [];
beforeAll(() => {
  db = knex({ client: 'pg', connection: `postgres://x:${SECRET}@127.0.0.1:1/x`, pool: { min: 0, max: 10 } });
});
afterAll(async () => {
  await Promise.all([db, ...others].map((each) => each.destroy()));
});

const pool = (max: number, client = 'pg'): Knex => {
  const made = knex({ client, connection: {}, pool: { min: 0, max } });
  others.push(made);
  return made;
};

/** Returns the plugin's errors for the settings of a host in plain JavaScript, one line for each mistake. */
function mistakesOf(host: unknown, options: unknown = {}): string[] {
  try {
    createAdminPlugin(host as Host, options as AdminPluginOptions);
    return [];
  } catch (error) {
    const [head, ...mistakes] = (error as Error).message.split('\n');
    expect(head).toBe('createAdminPlugin: bad host or options');
    expect(mistakes.join()).not.toContain(SECRET);
    return mistakes.map((mistake) => mistake.replace(/^✖ /, ''));
  }
}

/** Returns the errors for a host that is valid except for these members. */
const withHost = (members: object): string[] =>
  mistakesOf({ serverName: SERVER_NAME, db, signingKeys: [key], ...members });

const withOptions = (options: unknown): string[] =>
  mistakesOf({ serverName: SERVER_NAME, db, signingKeys: [key] }, options);

describe('the host', () => {
  it.each([[undefined], [null], ['x'], [5]])('%o is not a host', (host) => {
    expect(mistakesOf(host)).toEqual([
      expect.stringMatching(/^host (?:is missing: it )?must be an object with serverName, db and/),
    ]);
  });

  it('{} lacks three members, which one error names', () => {
    expect(mistakesOf({})).toEqual([
      expect.stringMatching(/^host\.serverName is missing: it must be a server name/),
      expect.stringMatching(/^host\.db is missing: it must be a Knex of PostgreSQL/),
      expect.stringMatching(/^host\.signingKeys is missing: it must be an array/),
    ]);
  });

  it('and the options are checked together', () => {
    expect(mistakesOf({ serverName: '', db, signingKeys: [] }, { search: true })).toEqual([
      expect.stringMatching(/^host\.serverName must be a server name such as example\.org, not ""$/),
      expect.stringMatching(/^options\.search must be /),
    ]);
  });

  it.each<[string, object, RegExp]>([
    ['a bad name', { serverName: 'not a name!' }, /^host\.serverName must be .*, not "not a name!"$/],
    ['a bad virtual host', { virtualHosts: ['a b'] }, /^host\.virtualHosts\.0 must be a server name .*, not "a b"$/],
    ['virtual hosts as a text', { virtualHosts: 'a.example' }, /^host\.virtualHosts must be an array, not a string$/],
    ['no signing key', { signingKeys: [] }, /^host\.signingKeys has no key for localhost\S*: /],
    ['a virtual host without a key', { virtualHosts: ['v.example'] }, /^host\.signingKeys has no key for v\.example: /],
    [
      'the key of another server',
      { signingKeys: [key, { ...key, serverName: 'foreign.example' }] },
      /^host\.signingKeys\.1\.serverName is foreign\.example, .* virtualHosts/,
    ],
    [
      'a key of another type',
      { signingKeys: [{ ...key, privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }] },
      /^host\.signingKeys\.0\.privateKey must be a private ed25519 KeyObject .*, not a private ec key$/,
    ],
    [
      'a public key',
      { signingKeys: [{ ...key, privateKey: generateKeyPairSync('ed25519').publicKey }] },
      /^host\.signingKeys\.0\.privateKey must be .*, not a public ed25519 key$/,
    ],
    [
      'a key as a text',
      { signingKeys: [{ ...key, privateKey: SECRET }] },
      /^host\.signingKeys\.0\.privateKey must be a private ed25519 KeyObject .*, not a string$/,
    ],
    ['a bad key id', { signingKeys: [{ ...key, keyId: 'rsa:1' }] }, /^host\.signingKeys\.0\.keyId must be .*"rsa:1"$/],
    ['a URL for Knex', { db: `postgres://x:${SECRET}@h/x` }, /^host\.db must be a Knex of PostgreSQL.*, not a string$/],
    ['an object for Knex', { db: { raw: noop } }, /^host\.db must be a Knex of PostgreSQL.*, not an object$/],
    ['the module of Knex', { db: knex }, /^host\.db must be a Knex of PostgreSQL.*, not a function$/],
    ['a registry', { metrics: new Registry() }, /^host\.metrics must be \{ registry \}: write metrics: \{ registry \}/],
    ['metrics without a registry', { metrics: {} }, /^host\.metrics must be \{ registry \}, with a Registry of/],
    ['half a logger', { logger: { info: noop } }, /^host\.logger must have the methods .*: debug, warn, error are/],
    ['a logger that is a text', { logger: 'info' }, /^host\.logger must have the methods .*, not a string$/],
    ['an empty sender', { federation: {} }, /^host\.federation must have the method wake: wake is missing$/],
    [
      'a method that is not a function',
      { federation: { wake: noop, makeLeave: 5 } },
      /^host\.federation\.makeLeave must be a function, not 5$/,
    ],
    [
      'a misspelt method',
      { federation: { wake: noop, makeLeaf: noop } },
      /^host\.federation\.makeLeaf is unknown: did you mean "makeLeave"\?$/,
    ],
    ['half a notifier', { notifier: { roomsChanged: noop } }, /^host\.notifier must have .*: usersChanged is missing$/],
    ['half the caches', { caches: { dropUsers: noop } }, /^host\.caches must have .*: dropRooms is missing$/],
    ['a misspelt name', { notifer: {} }, /^host\.notifer is unknown: did you mean "notifier"\?$/],
    [
      'an appservice without a token',
      { appservices: [{ id: 'irc', asToken: '', userNamespaces: [] }] },
      /^host\.appservices\.0\.asToken must be .* characters? or more$/,
    ],
    [
      'a namespace as a text',
      { appservices: [{ id: 'irc', asToken: SECRET, userNamespaces: ['@irc_'] }] },
      /^host\.appservices\.0\.userNamespaces\.0 must be a RegExp, not a string$/,
    ],
  ])('with %s is refused', (_what, members, mistake) => {
    expect(withHost(members)).toEqual([expect.stringMatching(mistake)]);
  });

  it('may have two server names, each with its key', () => {
    const virtual = { ...key, serverName: 'v.example' };
    expect(withHost({ virtualHosts: ['v.example'], signingKeys: [key, virtual] })).toEqual([]);
  });

  it('may have more members, for example as an instance of a class', () => {
    class Homeserver {
      readonly serverName = SERVER_NAME;
      readonly db = db;
      readonly signingKeys = [key];
      readonly users = new Map();
      readonly config = { port: 8008 };
      get notifier(): object {
        return new (class {
          roomsChanged(): void {}
          usersChanged(): void {}
        })();
      }
    }
    expect(mistakesOf(new Homeserver())).toEqual([]);
    expect(mistakesOf(Object.assign(new Homeserver(), { metric: 5, metrics: { registry: new Registry() } }))).toEqual(
      [],
    );
  });

  it('has a Knex of PostgreSQL, not a transaction', () => {
    const other = Object.assign(() => {}, { raw: noop, transaction: noop, client: { dialect: 'mysql' } });
    expect(withHost({ db: other })).toEqual([expect.stringMatching(/^host\.db must be .*, not one of mysql$/)]);
    const transaction = Object.assign(() => {}, db, { client: db.client, raw: noop, transaction: noop });
    Object.assign(transaction, { isTransaction: true });
    expect(withHost({ db: transaction })).toEqual([expect.stringMatching(/^host\.db must be .*, not a transaction$/)]);
  });

  it('needs a large enough pool', () => {
    const host = { serverName: SERVER_NAME, signingKeys: [key] };
    expect(mistakesOf({ ...host, db: pool(4) })).toEqual([
      'host.db has a pool of 4 connections, but needs 5: 4 for jobs (options.limits.connections) and one more. Raise pool.max of Knex, or lower options.limits.connections (2 or more)',
    ]);
    expect(mistakesOf({ ...host, db: pool(5) })).toEqual([]);
    expect(mistakesOf({ ...host, db: pool(3) }, { limits: { connections: 2 } })).toEqual([]);
    expect(mistakesOf({ ...host, db: pool(10) }, { limits: { connections: 10 } })).toHaveLength(1);
  });
});

describe('options', () => {
  it.each<[unknown, RegExp]>([
    [null, /^options must be an object, not null$/],
    [{ search: true }, /^options\.search must be a search adapter such as postgresSearch\(\), or false, not true$/],
    [{ search: 'postgres' }, /^options\.search must be a search adapter .*, not a string$/],
    [{ serverNotices: true }, /^options\.serverNotices must be false, or an object .*\{\} .*, not true$/],
    [{ serverNotices: { localpart: 'A B' } }, /^options\.serverNotices\.localpart must be .*, not "A B"$/],
    [{ serverNotices: { localprt: 'x' } }, /^options\.serverNotices\.localprt is unknown: did you mean "localpart"\?$/],
    [
      { serverNotices: { roomVersion: '99' } },
      /^options\.serverNotices\.roomVersion must be a known room version, not "99"$/,
    ],
    [
      { limits: { failedAuthentications: true } },
      /^options\.limits\.failedAuthentications must be false, or .*not true$/,
    ],
    [
      { limits: { openRequests: { count: 0, windowMs: 1 } } },
      /^options\.limits\.openRequests\.count must be at least 1/,
    ],
    [
      { limits: { openRequests: { count: 1 } } },
      /^options\.limits\.openRequests\.windowMs is missing: it must be a whole/,
    ],
    [{ limits: { connections: 1 } }, /^options\.limits\.connections must be at least 2, not 1$/],
    [{ jobs: { leaseMs: 'long' } }, /^options\.jobs\.leaseMs must be a whole number, not a string$/],
    [{ job: {} }, /^options\.job is unknown: did you mean "jobs"\?$/],
    [{ nonsense: 1 }, /^options\.nonsense is unknown; known names: search, jobs, /],
    [{ registration: { sharedSecret: '' } }, /^options\.registration\.sharedSecret must be 1 character or more$/],
    [{ registration: { sharedSecret: 12345 } }, /^options\.registration\.sharedSecret must be a string, not a number$/],
    [{ registration: { requiresToken: 'yes' } }, /^options\.registration\.requiresToken must be true or false, not a/],
  ])('%j are refused', (options, mistake) => {
    expect(withOptions(options)).toEqual([expect.stringMatching(mistake)]);
  });

  it('are all checked together', () => {
    expect(withOptions({ search: 1, jobs: { leaseMs: 1, nonsense: 2, more: 3 }, x: 0 })).toHaveLength(5);
  });
});
