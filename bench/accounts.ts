/**
 * Sends requests about accounts over real HTTP to a second process, which does nothing else. There are a million accounts. The
 * baselines are plain Koa routes in the second process. They run the minimum number of queries for the same answer, including
 * authentication, and the same number of password hashes. The plugin and the baselines are measured alternately.
 */
import { ADMIN_TOKEN, localpartOf, makeAccounts } from './account-data.ts';
import type { Command, Ports } from './accounts-process.ts';
import { withBenchDatabase } from './bench-database.ts';
import { rateOf, type Target, timeOf } from './http-load.ts';
import { startProcess } from './other-process.ts';
import { type BenchResult, median, report, rounded } from './report.ts';
import { SERVER_NAME } from './room-data.ts';

const ACCOUNTS = 1_000_000;
const CONNECTIONS = 16;
const ROUNDS = 5;
const ROUND_MS = 2_000;
const PAGES = 101;
const PASSWORDS = 50;
const LIST = '/_synapse/admin/v2/users?limit=100';
const VALIDITY = '/_matrix/client/v1/register/m.login.registration_token/validity';

/** The plugin's route, and its baseline. */
type Pair = readonly [ours: Target, bare: Target];
type Tell = (name: string, unit: string, value: number, baseline: number, ratio: number) => void;

/** Returns a different account for each number. It is never `@root`. */
const somebody = (n: number): string => localpartOf(((n * 7_919) % (ACCOUNTS - 1)) + 1);

/**
 * Measures all targets alternately, so that other load on the machine affects all of them. Returns the medians. The first round
 * is a warm-up and does not count.
 */
async function inTurn(
  rounds: number,
  targets: readonly Target[],
  measure: (target: Target) => Promise<number>,
): Promise<number[]> {
  const figures: number[][] = targets.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, target] of targets.entries()) {
      const figure = await measure(target);
      if (round > 0) figures[i]?.push(figure);
    }
  }
  return figures.map(median);
}

async function measureRates(ports: Ports, tell: Tell): Promise<void> {
  const [ours, bare] = [{ port: ports.plugin }, { port: ports.bare }];
  const token = ADMIN_TOKEN;
  const pairs: Readonly<Record<string, Pair>> = {
    whois: [
      { ...ours, token, path: (n) => `/_matrix/client/v3/admin/whois/@${somebody(n)}:${SERVER_NAME}` },
      { ...bare, token, path: (n) => `/whois/${somebody(n)}` },
    ],
    tokenCheck: [
      { ...ours, path: (n) => `${VALIDITY}?token=token${n % 1_000}` },
      { ...bare, path: (n) => `/token/token${n % 1_000}` },
    ],
    userList: [
      { ...ours, token, path: () => LIST },
      { ...bare, token, path: () => '/users/a' },
    ],
  };
  for (const [name, pair] of Object.entries(pairs)) {
    const [value = 0, baseline = 0] = await inTurn(ROUNDS, pair, (target) => rateOf(target, CONNECTIONS, ROUND_MS));
    tell(name, 'requests/s', Math.round(value), Math.round(baseline), value / baseline);
  }
}

/** Returns the page token after a number of accounts. Clients get it from the previous page. */
async function tokenAfter(ports: Ports, accounts: number): Promise<string> {
  const url = `http://127.0.0.1:${ports.plugin}/_synapse/admin/v2/users?limit=1&from=${accounts - 1}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  const { next_token: token } = (await answer.json()) as { next_token: string };
  return token;
}

async function measurePages(ports: Ports, tell: Tell): Promise<void> {
  const places = { firstPage: 0, middlePage: ACCOUNTS / 2, lastPage: ACCOUNTS - 100 };
  const targets: Target[] = [];
  for (const before of Object.values(places)) {
    const from = before === 0 ? '' : `&from=${await tokenAfter(ports, before)}`;
    // `@root` is the first account.
    const last = before === 0 ? 'a' : localpartOf(before - 1);
    targets.push({ port: ports.plugin, token: ADMIN_TOKEN, path: () => LIST + from });
    targets.push({ port: ports.bare, token: ADMIN_TOKEN, path: () => `/users/${last}` });
  }
  const times = await inTurn(PAGES, targets, (target) => timeOf(target, 1, 1));
  for (const [i, name] of Object.keys(places).entries()) {
    const [value = 0, baseline = 0] = times.slice(2 * i);
    tell(`userList-${name}`, 'ms', rounded(value), rounded(baseline), baseline / value);
  }
}

async function measureLoopDelay(ports: Ports, command: (name: Command) => Promise<unknown>, tell: Tell): Promise<void> {
  const reset: Target = {
    port: ports.plugin,
    token: ADMIN_TOKEN,
    method: 'POST',
    path: (n) => `/_dendrite/admin/resetPassword/@${somebody(n)}:${SERVER_NAME}`,
    body: (n) => JSON.stringify({ password: `correct horse battery ${n}` }),
  };
  const delayWhile = async (work: () => Promise<unknown>): Promise<number> => {
    await command('measure');
    await work();
    return Number(await command('measured'));
  };
  const [delays, baselines]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    delays.push(await delayWhile(() => timeOf(reset, PASSWORDS, PASSWORDS)));
    baselines.push(await delayWhile(() => command('hash')));
  }
  const [value, baseline] = [median(delays), median(baselines)];
  tell('resetPassword-loopDelay', 'ms', rounded(value), rounded(baseline), baseline / value);
}

const results: BenchResult[] = [];
const tell: Tell = (name, unit, value, baseline, ratio) => {
  console.log(`${name.padEnd(24)} ${value} ${unit}, bare ${baseline}`);
  results.push({ name, value, unit, baseline, ratio: rounded(ratio) });
};
await withBenchDatabase(0, async ({ connectionString, db }) => {
  const { ready, command, stop } = await startProcess<Command>('accounts-process', connectionString);
  const ports = ready as Ports;
  try {
    await makeAccounts(db, ACCOUNTS);
    await measureRates(ports, tell);
    await measurePages(ports, tell);
    await measureLoopDelay(ports, command, tell);
  } finally {
    await stop();
  }
});
report('accounts', results);
