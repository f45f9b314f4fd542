import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DestinationRetry } from '../../../src/host.ts';
import type { ServerName } from '../../../src/ids.ts';
import { backoffOf } from '../../../src/reference-host/federation/destination-worker.ts';
import { createSender, type Sender, type SenderSettings } from '../../../src/reference-host/federation/sender.ts';
import { deleteQueued } from '../../../src/reference-host/storage/federation-queue.ts';
import { createCapturedLogger } from '../../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { countQueued, createAsk, createSharedRoom, LOCAL, queueEdu, startRemote } from '../../support/federation.ts';
import type { Fault, RemoteServer } from '../../support/remote-server.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

let logger = createCapturedLogger();
const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
  const { db } = database;
  // After the senders of a test have stopped, nothing may be left in the queue.
  for (const table of ['json', 'pdus', 'edus']) await db(`public.federationsender_queue_${table}`).delete();
  await db('public.federationsender_blacklist').delete();
  logger = createCapturedLogger();
});

async function remoteServer(): Promise<RemoteServer> {
  const remote = await startRemote();
  closings.push(() => remote.stop());
  return remote;
}

async function startSender(settings: Partial<SenderSettings> = {}): Promise<Sender> {
  const { db, connectionString: databaseUrl } = database;
  const sender = createSender({ db, databaseUrl, ask: createAsk(), origin: LOCAL, logger, backoffMs: 1, ...settings });
  closings.push(sender.stop);
  await sender.start();
  return sender;
}

const EMPTY = { json: 0, pdus: 0, edus: 0 };
const untilSent = (remote: RemoteServer): Promise<void> =>
  expect.poll(() => countQueued(database.db, remote.name)).toEqual(EMPTY);
const bodies = ({ pdus }: RemoteServer): unknown[] =>
  pdus.map(({ content }) => Number((content as { body: string }).body));
const oneTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('the federation sender', () => {
  it.each(['1', '3', '10', '12'])('sends events of room version %s that the other server accepts', async (version) => {
    const remote = await remoteServer();
    const { say } = await createSharedRoom(database.db, [remote], version);
    const sender = await startSender();
    const events = await say(3);
    sender.wake([remote.name]);
    await untilSent(remote);
    expect(remote.pdus).toEqual(events);
    expect(remote.transactions.map(({ errors }) => errors)).toEqual([{}]);
    expect(remote.refused).toEqual([]);
  });

  it('sends in order, 50 events and 100 EDUs at a time, one transaction after the other', async () => {
    const remote = await remoteServer();
    const { say } = await createSharedRoom(database.db, [remote]);
    await say(120);
    for (let n = 0; n < 130; n += 1) await queueEdu(database.db, remote.name, { n });
    await startSender();
    await untilSent(remote);
    expect(remote.transactions.map(({ pdus, edus }) => [pdus.length, edus.length])).toEqual([
      [50, 100],
      [50, 30],
      [20, 0],
    ]);
    expect(bodies(remote)).toEqual(oneTo(120));
    expect(remote.edus.map(({ content }) => content)).toEqual(oneTo(130).map((n) => ({ n: n - 1 })));
    expect(remote.transactions.flatMap(({ errors }) => Object.keys(errors))).toEqual([]);
    expect(remote.mostAtOnce).toBe(1);
  });

  it('doubles the wait after each failure, and sends events queued in the meantime', async () => {
    const remote = await remoteServer();
    const { say } = await createSharedRoom(database.db, [remote]);
    remote.fault = () => ({ kind: 'reset' });
    const sender = await startSender({ backoffMs: 20 });
    await say(1);
    sender.wake([remote.name]);
    await expect.poll(() => remote.requests.length).toBe(2);
    await say(1);
    // These calls must not shorten the wait.
    for (let n = 0; n < 10; n += 1) sender.wake([remote.name]);
    await expect.poll(() => remote.requests.length).toBe(4);
    remote.fault = undefined;
    await untilSent(remote);
    expect(bodies(remote)).toEqual([1, 2]);
    const times = remote.requests.map(({ at }) => at);
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    // Each wait is 0.8 to 1.4 times 2^n times 20 ms. The machine may delay it.
    expect(gaps).toHaveLength(4);
    gaps.forEach((gap, i) => expect(gap).toBeGreaterThanOrEqual(20 * 2 ** (i + 1) * 0.8 - 1));
  });

  it('waits 2^n seconds, from 0.8 to 1.4 times that', () => {
    expect(oneTo(15).map((failures) => backoffOf(failures, 1000, 1 / 3) / 1000)).toEqual(oneTo(15).map((n) => 2 ** n));
    expect([0, 1].map((random) => backoffOf(1, 1000, random))).toEqual([1600, 2800]);
  });

  it('stops sending to a server after 16 failures, keeps its queue, and resumes at a sign of life', async () => {
    const remote = await remoteServer();
    const { db } = database;
    const { say } = await createSharedRoom(db, [remote]);
    await say(2);
    await remote.down();
    const sender = await startSender({ backoffMs: 0 });
    await expect.poll(() => db('public.federationsender_blacklist').pluck('server_name')).toEqual([remote.name]);
    const failures = logger.lines.map(({ fields }) => fields['failures']).filter((count) => count !== undefined);
    expect(failures).toEqual(oneTo(16));
    expect(await countQueued(db, remote.name)).toEqual({ json: 2, pdus: 2, edus: 0 });

    await remote.up();
    sender.wake([remote.name]);
    await sender.stop();
    const next = await startSender();
    await next.stop();
    expect(remote.requests).toEqual([]);

    const last = await startSender();
    await last.alive(remote.name);
    await untilSent(remote);
    expect(bodies(remote)).toEqual([1, 2]);
    expect(await db('public.federationsender_blacklist').pluck('server_name')).toEqual([]);
  });

  it('tries a server at once after a sign of life, in any process', async () => {
    const remote = await remoteServer();
    const { say } = await createSharedRoom(database.db, [remote]);
    await say(1);
    await remote.down();
    await startSender({ backoffMs: 3_600_000 });
    const other = await startSender();
    await expect.poll(() => logger.lines.filter(({ fields }) => fields['failures'] === 1).length).toBe(1);
    await remote.up();
    await other.alive(remote.name);
    await untilSent(remote);
  });

  it('tells which servers it waits for, until they answer', async () => {
    const remote = await remoteServer();
    const { say } = await createSharedRoom(database.db, [remote]);
    await remote.down();
    const sender = await startSender({ backoffMs: 3_600_000 });
    expect(sender.listRetries()).toEqual([]);
    await say(1);
    sender.wake([remote.name]);
    await expect.poll(() => sender.listRetries()).toMatchObject([{ destination: remote.name }]);
    const [{ failingSince, lastTry, nextTry }] = sender.listRetries() as [DestinationRetry];
    expect(Math.abs(lastTry - Date.now())).toBeLessThan(60_000);
    expect(failingSince).toBe(lastTry);
    expect(nextTry - lastTry).toBeGreaterThan(3_600_000);
    await remote.up();
    await sender.alive(remote.name);
    await untilSent(remote);
    await expect.poll(() => sender.listRetries()).toEqual([]);
  });

  it('drops expired EDUs without sending them', async () => {
    const remote = await remoteServer();
    await queueEdu(database.db, remote.name, { n: 'late' }, Date.now() - 1);
    await queueEdu(database.db, remote.name, { n: 'in time' }, Date.now() + 60_000);
    await queueEdu(database.db, remote.name, { n: 'whenever' });
    await startSender();
    await untilSent(remote);
    expect(remote.edus.map(({ content }) => content)).toEqual([{ n: 'in time' }, { n: 'whenever' }]);
  });

  it('keeps JSON that other servers still wait for', async () => {
    const [near, far] = [await remoteServer(), await remoteServer()];
    const { say } = await createSharedRoom(database.db, [near, far]);
    await far.down();
    const sender = await startSender({ backoffMs: 3_600_000 });
    await say(3);
    sender.wake([near.name, far.name]);
    await expect.poll(() => countQueued(database.db, near.name)).toEqual({ json: 3, pdus: 0, edus: 0 });
    await far.up();
    await sender.alive(far.name);
    await untilSent(far);
    expect([near.pdus.length, far.pdus.length]).toEqual([3, 3]);
  });

  it.each<[string, Fault]>([
    [
      'a page with status 200',
      { kind: 'answer', status: 200, body: '<html>hello</html>', headers: { 'content-type': 'text/html' } },
    ],
    ['an internal error', { kind: 'answer', status: 500, body: 'oops' }],
    ['JSON of another shape', { kind: 'answer', status: 200, body: '{"pdus":[1,2]}' }],
    ['a number', { kind: 'answer', status: 200, body: '42' }],
    ['nothing', { kind: 'answer', status: 200, body: '' }],
    ['a redirection', { kind: 'answer', status: 302, body: '' }],
    ['a refusal', { kind: 'answer', status: 403, body: '{"errcode":"M_FORBIDDEN","error":"secret"}' }],
    ['an answer without end', { kind: 'huge' }],
    ['no answer', { kind: 'silent' }],
    ['a broken connection', { kind: 'reset' }],
  ])('keeps a sent transaction if the server answers with %s', async (_, fault) => {
    const remote = await remoteServer();
    const { say } = await createSharedRoom(database.db, [remote]);
    await say(2);
    remote.fault = () => fault;
    await startSender({ transactionLimitMs: 300 });
    await expect.poll(() => remote.requests.length).toBeGreaterThan(1);
    expect(await countQueued(database.db, remote.name)).toEqual({ json: 2, pdus: 2, edus: 0 });
    remote.fault = undefined;
    await untilSent(remote);
    expect(bodies(remote)).toEqual([1, 2]);
    expect(logger.text()).not.toContain('secret');
  });

  it('does not repeat an event that a server has refused, and logs the event', async () => {
    const remote = await remoteServer();
    const { say } = await createSharedRoom(database.db, [remote]);
    remote.rooms.clear();
    await say(2);
    await startSender();
    await untilSent(remote);
    expect(remote.requests).toHaveLength(1);
    const refusals = logger.lines.filter(({ message }) => message === 'A server refused an event');
    expect(refusals.map(({ level, fields }) => [level, fields['reason']])).toEqual([['warn', 'unknown room']]);
  });

  it('drops events that cannot be sent, and sends the rest', async () => {
    const remote = await remoteServer();
    const { db } = database;
    const { say } = await createSharedRoom(db, [remote]);
    for (const json of ['{"a":1.5}', 'no JSON', '[]']) {
      const [row] = await db('public.federationsender_queue_json').insert({ json_body: json }).returning('json_nid');
      const queued = { transaction_id: '', server_name: remote.name, json_nid: row.json_nid };
      await db('public.federationsender_queue_pdus').insert(queued);
    }
    // Add a queue entry that has no JSON.
    await db('public.federationsender_queue_pdus').insert({
      transaction_id: '',
      server_name: remote.name,
      json_nid: -1,
    });
    await say(1);
    await startSender();
    await untilSent(remote);
    expect(bodies(remote)).toEqual([1]);
  });

  it('aborts when it is stopped, and sends the same transaction at the next start', async () => {
    const remote = await remoteServer();
    const { say } = await createSharedRoom(database.db, [remote]);
    await say(70);
    remote.fault = () => ({ kind: 'silent' });
    const first = await startSender();
    await expect.poll(() => remote.requests.length).toBe(1);
    const startedAt = Date.now();
    await first.stop();
    expect(Date.now() - startedAt).toBeLessThan(2_000);
    remote.fault = undefined;
    await startSender();
    await untilSent(remote);
    expect(bodies(remote)).toEqual(oneTo(70));
    expect(remote.requests[1]?.path).toBe(remote.requests[0]?.path);
    expect(remote.requests).toHaveLength(3);
  });

  it('sends each event once, in order, with several processes', async () => {
    const remote = await remoteServer();
    const { say } = await createSharedRoom(database.db, [remote]);
    const senders = [await startSender(), await startSender(), await startSender()];
    for (let n = 0; n < 60; n += 1) {
      await say(1 + (n % 3));
      for (const sender of senders) sender.wake([remote.name]);
    }
    await untilSent(remote);
    expect(bodies(remote)).toEqual(oneTo(120));
    expect([remote.mostAtOnce, remote.repeated]).toEqual([1, []]);
    expect(remote.transactions.flatMap(({ errors }) => Object.keys(errors))).toEqual([]);
  });

  it('sends an event that another process queues just as the queue becomes empty', async () => {
    const remote = await remoteServer();
    const { db } = database;
    const { say } = await createSharedRoom(db, [remote]);
    const [sender, other] = [await startSender(), await startSender()];
    const lock = await db.transaction();
    await lock.raw('LOCK TABLE public.federationsender_queue_edus IN ACCESS EXCLUSIVE MODE');
    sender.wake([remote.name]);
    const isWaiting = async (): Promise<boolean> => {
      const { rows } = await db.raw('SELECT FROM pg_locks WHERE NOT granted AND locktype = ?', ['relation']);
      return rows.length > 0;
    };
    // The sender has found no events in the queue, and is about to read the EDUs.
    await expect.poll(isWaiting).toBe(true);
    await say(1);
    other.wake([remote.name]);
    await lock.commit();
    await untilSent(remote);
    expect(bodies(remote)).toEqual([1]);
  });

  it('notifies the process that sends to a server, once for each call, even at its start', async () => {
    const remote = await remoteServer();
    const { db, connectionString } = database;
    const { say } = await createSharedRoom(db, [remote]);
    const holder = new Client({ connectionString });
    await holder.connect();
    closings.push(() => holder.end());
    const news: unknown[] = [];
    holder.on('notification', ({ payload }) => news.push(payload));
    await holder.query('LISTEN federationsender');
    await holder.query(`SELECT pg_advisory_lock(hashtextextended('federationsender ' || $1, 0))`, [remote.name]);
    await say(1);
    // When `start()` resolves, the sender is about to try the lock on this server, because it has found the queued event.
    const sender = await startSender();
    sender.wake([remote.name]);
    await expect.poll(() => news).toEqual([`queued ${remote.name}`]);
    sender.wake([remote.name]);
    await expect.poll(() => news.length).toBeGreaterThan(1);
    // Further notifications would arrive during these queries.
    for (let n = 0; n < 20; n += 1) await holder.query('SELECT');
    expect(news).toEqual(Array(2).fill(`queued ${remote.name}`));
  });

  it('leaves no unneeded JSON if two servers receive it at the same time', async () => {
    const { db } = database;
    const destinations = oneTo(8).map((n) => `s${n}.example` as ServerName);
    for (let round = 0; round < 20; round += 1) {
      const [row] = await db('public.federationsender_queue_json').insert({ json_body: '{}' }).returning('json_nid');
      const nid: string = row.json_nid;
      const rows = destinations.map((server_name) => ({ transaction_id: '', server_name, json_nid: nid }));
      await db('public.federationsender_queue_pdus').insert(rows);
      await Promise.all(destinations.map((destination) => deleteQueued(db, destination, [nid])));
    }
    expect(await db('public.federationsender_queue_json').pluck('json_body')).toEqual([]);
  });

  it('takes over from a process that loses its connection, and gets its locks back afterwards', async () => {
    const remote = await remoteServer();
    const { db } = database;
    const { say } = await createSharedRoom(db, [remote]);
    remote.fault = () => ({ kind: 'silent' });
    await say(1);
    await startSender({ sweepMs: 50 });
    await expect.poll(() => remote.requests.length).toBe(1);
    remote.fault = undefined;
    await db.raw(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'federation sender' AND datname = current_database()`);
    await untilSent(remote);
    expect(bodies(remote)).toEqual([1]);
  });
});
