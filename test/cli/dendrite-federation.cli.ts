import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isRecord } from '../../src/json.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { connectionStringFor, withAdmin } from '../support/test-databases.ts';
import { DENDRITE_BIN, type Dendrite, prepareDendrite } from './dendrite-process.ts';
import { type Ran, runCommand } from './run-command.ts';

/** Number of messages of each server before the point of the purge. It is more than a page of `/messages` has. */
const OLD = 25;

interface Server {
  readonly dendrite: Dendrite;
  readonly database: string;
  readonly name: string;
  token: string;
}

type Event = Readonly<Record<string, unknown>>;
const bodyOf = ({ content }: Event): unknown => (isRecord(content) ? content['body'] : undefined);

describe.skipIf(DENDRITE_BIN === undefined)('two real Dendrites that federate', () => {
  const { admin, prefix } = inject('databases');
  let directory: string;
  let servers: Server[] = [];
  let one: Server;
  let two: Server;
  let roomId: string;

  async function startServer(user: string): Promise<Server> {
    const name = `${prefix}_dendrite_${randomBytes(4).toString('hex')}`;
    const database = connectionStringFor(admin, name);
    await withAdmin(admin, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`));
    const folder = join(directory, user);
    await mkdir(folder);
    const server: Server = { dendrite: await prepareDendrite(folder, database, true), database, name, token: '' };
    servers = [...servers, server];
    await server.dendrite.start();
    const made = await run(server, ['user', 'create', idOf(server, user), '--beside-server'], `${user}-password`);
    if (made.code !== 0) throw new Error(made.stderr);
    server.token = (await server.dendrite.logIn(user, `${user}-password`)) ?? '';
    return server;
  }
  const idOf = ({ dendrite }: Server, user: string): string => `@${user}:${dendrite.serverName}`;
  const run = ({ dendrite, database }: Server, args: readonly string[], password = ''): Promise<Ran> =>
    runCommand([...args, '--homeserver', dendrite.serverName, '--signing-key', dendrite.keyFile, '--yes'], {
      environment: { MATRIX_ADMIN_DATABASE: database },
      input: `${password}\n`,
    });
  const call = ({ dendrite, token }: Server, method: string, path: string, body?: object) =>
    dendrite.call(token, method, path, body);
  const room = (path: string): string => `rooms/${encodeURIComponent(roomId)}/${path}`;
  async function send(server: Server, body: string): Promise<string> {
    const path = room(`send/m.room.message/${randomBytes(6).toString('hex')}`);
    return String((await call(server, 'PUT', path, { msgtype: 'm.text', body }))['event_id']);
  }
  /** Pages back through the whole room, as a client does. @returns the events, newest first */
  async function history(server: Server): Promise<Event[]> {
    const found: Event[] = [];
    for (let from = ''; ; ) {
      const answer = await call(server, 'GET', room(`messages?dir=b&limit=20${from}`));
      expect(answer['errcode']).toBeUndefined();
      const chunk = (answer['chunk'] ?? []) as Event[];
      found.push(...chunk);
      if (typeof answer['end'] !== 'string' || chunk.length === 0) return found;
      from = `&from=${answer['end']}`;
    }
  }
  const bodies = async (server: Server): Promise<unknown[]> =>
    (await history(server)).map(bodyOf).filter((body) => body !== undefined);
  const sees = (server: Server, body: string) =>
    expect.poll(async () => (await bodies(server)).includes(body), { timeout: 30_000 }).toBe(true);

  beforeAll(async () => {
    directory = await makeScratchDirectory('matrix-admin-dendrites-');
    one = await startServer('alice');
    two = await startServer('bob');
    roomId = String((await call(one, 'POST', 'createRoom', { preset: 'public_chat', name: 'Shared' }))['room_id']);
    const via = encodeURIComponent(one.dendrite.serverName);
    await call(two, 'POST', `join/${encodeURIComponent(roomId)}?server_name=${via}`, {});
  });
  afterAll(async () => {
    for (const { dendrite, name } of servers) {
      await dendrite.stop();
      await withAdmin(admin, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    }
    await rm(directory, { recursive: true });
  });

  it('after a purge of history, the one pages to the boundary, fetches the rest from the other, and both go on', async () => {
    // The servers do not write at the same time. Otherwise events have equal depths, and Dendrite's pages leave out some of them.
    for (const [writer, reader] of [
      [one, two],
      [two, one],
    ] as const) {
      for (let n = 0; n < OLD; n += 1) await send(writer, `old ${n} of ${writer.name}`);
      await sees(reader, `old ${OLD - 1} of ${writer.name}`);
    }
    const point = await send(one, 'the point');
    await sees(two, 'the point');
    for (const server of [one, two]) await server.dendrite.stop();
    const purge = ['room', 'purge-history', roomId, '--event-id', point, '--delete-local-events'];
    const purged = await run(one, purge);
    expect(purged, purged.stderr).toMatchObject({ code: 0 });
    await one.dendrite.start();
    // The other server is down, so the boundary is the end of what can be read.
    const last = await call(one, 'GET', room('messages?dir=b&limit=1'));
    expect((last['chunk'] as Event[]).map(bodyOf)).toEqual(['the point']);
    const sync = await call(one, 'GET', 'sync?timeout=0');
    expect(JSON.stringify(sync['rooms'])).toContain('the point');
    await two.dendrite.start();
    await send(one, 'new of one');
    await sees(two, 'new of one');
    await send(two, 'new of two');
    await sees(one, 'new of two');
    const old = servers.flatMap(({ name }) => Array.from({ length: OLD }, (_, n) => `old ${n} of ${name}`));
    await expect
      .poll(() => bodies(one), { timeout: 60_000 })
      .toEqual(['new of two', 'new of one', 'the point', ...old.toReversed()]);
    expect(await bodies(two)).toEqual(await bodies(one));
  });

  it('redactions by the job are accepted by the other server', async () => {
    await send(one, 'spam');
    await sees(two, 'spam');
    await one.dendrite.stop();
    const redacted = await run(one, ['user', 'redact-events', idOf(one, 'alice'), '--rooms', roomId]);
    expect(redacted, redacted.stderr).toMatchObject({ code: 0 });
    await one.dendrite.start();
    await expect.poll(async () => (await bodies(two)).includes('spam'), { timeout: 60_000 }).toBe(false);
  });
});
