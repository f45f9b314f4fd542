import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RoomId, UserId } from '../../src/ids.ts';
import { generateSampleEvents } from '../../src/reference-host/sample-events.ts';
import {
  type FixtureHomeserver,
  fixture,
  roomNamed,
  startFixtureHomeserver,
} from '../reference-host/fixture-homeserver.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { PANELS } from './grafana-dashboard.ts';

const run = promisify(execFile);
/** Replacements that make alerts fire after seconds instead of minutes. */
const QUICK = [
  [/> 600$/gm, '> 3'],
  [/for: \w+/g, 'for: 0s'],
] as const;

let directory: string;
let server: FixtureHomeserver;
let prometheus: ChildProcess;
let origin: string;

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

beforeAll(async () => {
  await run('prometheus', ['--version']).catch(() => {
    throw new Error('npm run test:monitoring needs Prometheus and promtool: apt install prometheus');
  });
  directory = await makeScratchDirectory('monitoring-');
  server = await startFixtureHomeserver({ accounts: { serverNotices: {} } });
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  let rules = await readFile('monitoring/alerts.yml', 'utf8');
  for (const [pattern, quick] of QUICK) rules = rules.replace(pattern, quick);
  await writeFile(join(directory, 'alerts.yml'), rules);
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['alerts.yml'],
    scrape_configs: [{ job_name: 'homeserver', static_configs: [{ targets: [new URL(server.origin).host] }] }],
  };
  // Prometheus reads YAML. Every JSON text is also YAML.
  await writeFile(join(directory, 'prometheus.yml'), JSON.stringify(config));
  prometheus = spawn(
    'prometheus',
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
});
afterAll(async () => {
  if (prometheus?.exitCode === null) {
    prometheus.kill();
    await once(prometheus, 'exit');
  }
  await server?.stop();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
});

async function ask(path: string, parameters: Record<string, string> = {}): Promise<unknown> {
  const answer = await fetch(`${origin}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
  const { data } = (await answer.json()) as { data: unknown };
  return data;
}
async function seriesOf(query: string): Promise<number> {
  const data = (await ask('query', { query })) as { result: unknown[] } | undefined;
  return data?.result.length ?? 0;
}
async function firing(): Promise<string[]> {
  const data = (await ask('alerts').catch(() => undefined)) as
    | { alerts: { state: string; labels: { alertname: string } }[] }
    | undefined;
  return (data?.alerts ?? []).filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
}

it('promtool accepts the rules and their tests', async () => {
  await copyFile('monitoring/alerts.yml', join(directory, 'original.yml'));
  const { stdout } = await run('promtool', ['check', 'rules', join(directory, 'original.yml')]);
  expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
  const tests = await run('promtool', ['test', 'rules', 'monitoring/alerts.test.yml']);
  expect(tests.stdout).toMatch(/SUCCESS/);
});

it('a job that hangs fires an alert, which ends when the job goes on', async () => {
  const { db } = server.homeserver;
  const transaction = await db.transaction();
  await transaction.raw('LOCK TABLE public.syncapi_output_room_events IN ACCESS EXCLUSIVE MODE');
  await server.call('admin', 'POST', '/_dendrite/admin/fulltext/reindex', {});
  await expect.poll(firing).toContain('MatrixAdminJobStuck');
  await transaction.rollback();
  await expect.poll(firing).not.toContain('MatrixAdminJobStuck');
});

it('every query of the dashboard finds data while a reindex runs, or counts only failures', async () => {
  await generateSampleEvents(server.homeserver.db, {
    count: 10_000,
    rooms: [{ roomId: roomNamed('v10') as RoomId, senders: [fixture.users.alice.user_id as UserId] }],
    seed: 1,
  });
  // A refused request also changes the metrics.
  await fetch(`${server.origin}/_dendrite/admin/jobs`, { headers: { authorization: 'Bearer wrong' } });
  await server.call('admin', 'POST', '/_dendrite/admin/fulltext/reindex', {});
  const onlyIfSomethingFails = /hook_failures|host_call_failures|tasks_in_flight|search_requests/;
  const queries = Object.values(PANELS)
    .flat()
    .flatMap((panel) => panel.queries.map(({ expr }) => expr))
    .filter((expr) => !onlyIfSomethingFails.test(expr));
  for (const query of queries) {
    // The query looks at the last ten minutes, because the reindex may have ended already.
    const lately = `last_over_time((${query})[10m:1s])`;
    await expect.poll(() => seriesOf(lately), { message: query }).toBeGreaterThan(0);
  }
});
