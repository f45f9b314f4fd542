/**
 * Tests whether the time of a refusal reveals the reason for the refusal. Each pair of requests differs in a secret. The two
 * requests alternate, one at a time on one connection. Both have random parts of the same kind, because new strings take the
 * client longer. The result is the share of pairs in which the first request took longer. By chance, the share is one half. The
 * share says more than a comparison of two means.
 */
import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createHomeserver } from '../src/reference-host/homeserver.ts';
import { withBenchDatabase } from './bench-database.ts';
import { type BenchResult, median, report, rounded } from './report.ts';
import { SERVER_NAME } from './room-data.ts';

const SECRET = 'the secret of this bench';
const REGISTER = '/_synapse/admin/v1/register';
const WARM_UP = 100;
/** Distance from one half, in standard deviations. Chance exceeds it once in 15,000 runs. */
const SUSPICIOUS = 4;

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
}

/** Prepares a request. The time of the preparation does not count. */
type Prepare = () => Promise<Sent> | Sent;

interface Pair {
  readonly name: string;
  readonly one: Prepare;
  readonly other: Prepare;
  readonly pairs: number;
}

const flipped = (hex: string, at: number): string =>
  hex.slice(0, at) + (hex[at] === '0' ? '1' : '0') + hex.slice(at + 1);

await withBenchDatabase(0, async ({ connectionString }) => {
  const homeserver = createHomeserver({
    databaseUrl: connectionString,
    signingKey: { serverName: SERVER_NAME, keyId: 'ed25519:1', privateKey: generateKeyPairSync('ed25519').privateKey },
    search: false,
    rateLimit: false,
    accounts: { registration: { sharedSecret: SECRET, requiresToken: true } },
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });
  const origin = `http://127.0.0.1:${await homeserver.listen(0)}`;

  const send = async ({ method, path, token, body }: Sent): Promise<{ ms: number; status: number; text: string }> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const startedAt = performance.now();
    const response = await fetch(origin + path, init);
    const text = await response.text();
    return { ms: performance.now() - startedAt, status: response.status, text };
  };

  const nonce = async (): Promise<string> => JSON.parse((await send({ method: 'GET', path: REGISTER })).text).nonce;
  const macOf = (parts: readonly string[]): string => createHmac('sha1', SECRET).update(parts.join('\0')).digest('hex');
  const registration = (username: string, change: (mac: string) => string): Prepare => {
    return async () => {
      const given = await nonce();
      const password = 'a password of somebody';
      const mac = change(macOf([given, username, password, 'notadmin']));
      return { method: 'POST', path: REGISTER, body: { nonce: given, username, password, admin: false, mac } };
    };
  };
  const alice = JSON.parse((await send(await registration('alice', (mac) => mac)())).text);
  const token: string = alice.access_token;
  const caller = { actor: { kind: 'system', name: 'bench' } } as const;
  await homeserver.admin.operations.createRegistrationToken({ token: 'used-up', usesAllowed: 0 }, caller);

  const login = (user: string): Sent => ({
    method: 'POST',
    path: '/_matrix/client/v3/login',
    body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: 'a wrong password' },
  });
  const validity = (name: string): Sent => ({
    method: 'GET',
    path: `/_matrix/client/v1/register/m.login.registration_token/validity?token=${name}`,
  });
  const asAlice = (path: string, method: string, body?: unknown): Sent => ({ method, path, token, body });
  const id = (name: string): string => encodeURIComponent(`@${name}:${SERVER_NAME}`);
  const refused = registration('alice', (mac) => flipped(mac, 0));
  const unused = await refused();

  const pairs: readonly Pair[] = [
    {
      name: 'MAC wrong in its first byte, or its last',
      one: registration('bob', (mac) => flipped(mac, 0)),
      other: registration('bob', (mac) => flipped(mac, 39)),
      pairs: 2_000,
    },
    {
      name: 'wrong MAC for a name that is taken, or free',
      one: registration('alice', (mac) => flipped(mac, 20)),
      other: registration('nobody', (mac) => flipped(mac, 20)),
      pairs: 2_000,
    },
    {
      name: 'nonce that was used, or never given',
      one: async () => {
        const request = await refused();
        await send(request);
        return request;
      },
      other: () => ({ ...unused, body: { ...(unused.body as object), nonce: randomBytes(64).toString('hex') } }),
      pairs: 2_000,
    },
    {
      name: 'access token right but for its end, or not at all',
      one: () => ({
        method: 'GET',
        path: '/_dendrite/admin/jobs',
        token: token.slice(0, -4) + randomBytes(3).toString('base64url'),
      }),
      other: () => ({ method: 'GET', path: '/_dendrite/admin/jobs', token: randomBytes(32).toString('base64url') }),
      pairs: 2_000,
    },
    {
      name: 'registration token that is used up, or unknown',
      one: () => validity('used-up'),
      other: () => validity('unknown'),
      pairs: 2_000,
    },
    {
      name: "a user's guess at whom one may suspend: known, or unknown",
      one: () => asAlice(`/_matrix/client/v1/admin/suspend/${id('alice2')}`, 'GET'),
      other: () => asAlice(`/_matrix/client/v1/admin/suspend/${id('unknown')}`, 'GET'),
      pairs: 2_000,
    },
    {
      name: 'password reset by a user who may not: known user, or unknown',
      one: () => asAlice(`/_dendrite/admin/resetPassword/${id('alice2')}`, 'POST', { password: 'a new password' }),
      other: () => asAlice(`/_dendrite/admin/resetPassword/${id('unknown')}`, 'POST', { password: 'a new password' }),
      pairs: 2_000,
    },
    {
      name: 'login with a wrong password: known user, or unknown',
      one: () => login('alice'),
      other: () => login('unknown'),
      pairs: 200,
    },
  ];
  await send(await registration('alice2', (mac) => mac)());

  const results: BenchResult[] = [];
  for (const { name, one, other, pairs: count } of pairs) {
    const times: [one: number, other: number][] = [];
    const answers = new Set<string>();
    for (let n = -WARM_UP; n < count; n += 1) {
      const first = n % 2 === 0 ? one : other;
      const a = await send(await first());
      const b = await send(await (first === one ? other : one)());
      for (const { status, text } of [a, b]) answers.add(`${status} ${text}`);
      if (n >= 0) times.push(first === one ? [a.ms, b.ms] : [b.ms, a.ms]);
    }
    const slower = times.filter(([a, b]) => a > b).length / count;
    const deviations = (slower - 0.5) / (0.5 / Math.sqrt(count));
    const [ones, others] = [median(times.map(([a]) => a)), median(times.map(([, b]) => b))];
    const verdict = Math.abs(deviations) > SUSPICIOUS || answers.size > 1 ? 'TOLD APART' : 'not told apart';
    const shown = `${rounded(ones)} ms, ${rounded(others)} ms, the first slower in ${rounded(slower * 100)} % of ${count} pairs`;
    console.log(
      `${name}: ${shown} (${rounded(deviations)} standard deviations), ${answers.size} answer(s): ${verdict}`,
    );
    results.push({ name, value: rounded(ones), unit: 'ms', baseline: rounded(others), ratio: rounded(others / ones) });
  }
  await homeserver.close();
  report('timing', results);
});
