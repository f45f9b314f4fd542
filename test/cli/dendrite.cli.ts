import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isRecord } from '../../src/json.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { connectionStringFor, withAdmin } from '../support/test-databases.ts';
import { DENDRITE_BIN, type Dendrite, prepareDendrite } from './dendrite-process.ts';
import { type Ran, runCommand } from './run-command.ts';

if (DENDRITE_BIN === undefined)
  process.stdout.write('DENDRITE_BIN is not set: the tests with a real Dendrite are left out\n');

describe.skipIf(DENDRITE_BIN === undefined)('with a real Dendrite', () => {
  const { admin, prefix } = inject('databases');
  const name = `${prefix}_dendrite_${randomBytes(4).toString('hex')}`;
  const database = connectionStringFor(admin, name);
  let directory: string;
  let dendrite: Dendrite;
  beforeAll(async () => {
    directory = await makeScratchDirectory('matrix-admin-dendrite-');
    await withAdmin(admin, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`));
    dendrite = await prepareDendrite(directory, database);
    await dendrite.start();
  });
  afterAll(async () => {
    await dendrite?.stop();
    await withAdmin(admin, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    await rm(directory, { recursive: true });
  });

  /** Runs a command on the database. @param password the content of the standard input */
  const onDatabase = (args: readonly string[], password = ''): Promise<Ran> =>
    runCommand([...args, '--homeserver', 'localhost', '--signing-key', dendrite.keyFile, '--yes'], {
      environment: { MATRIX_ADMIN_DATABASE: database },
      input: `${password}\n`,
    });
  const beside = (args: readonly string[], password?: string): Promise<Ran> =>
    onDatabase([...args, '--beside-server'], password);
  const tokenOf = async (user: string, password: string): Promise<string> => {
    const token = await dendrite.logIn(user, password);
    if (token === undefined) throw new Error(`${user} cannot log in`);
    return token;
  };
  const roomOf = async (token: string, room: object): Promise<string> =>
    String((await dendrite.call(token, 'POST', 'createRoom', { preset: 'public_chat', ...room }))['room_id']);
  const joinRoom = (token: string, roomId: string): Promise<Record<string, unknown>> =>
    dendrite.call(token, 'POST', `join/${encodeURIComponent(roomId)}`, {});
  /** Returns the ids of a user's rooms from the answer of `/sync`, by section: `join`, `leave` and so on. */
  const roomsOf = async (token: string, query = ''): Promise<Record<string, string[]>> => {
    const { rooms } = await dendrite.call(token, 'GET', `sync?timeout=0${query}`);
    const kinds = isRecord(rooms) ? rooms : {};
    return Object.fromEntries(
      Object.entries(kinds).map(([kind, value]) => [kind, Object.keys(isRecord(value) ? value : {})]),
    );
  };

  it('accounts are created, changed and deactivated beside it, and both sides see each change at once', async () => {
    expect(await onDatabase(['user', 'list'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('Another program'),
    });
    for (const user of ['admin', 'alice', 'bob']) {
      const made = await beside(['user', 'create', `@${user}:localhost`], `${user}-password`);
      expect(made, made.stderr).toMatchObject({ code: 0 });
    }
    const alice = await tokenOf('alice', 'alice-password');
    expect(await beside(['user', 'set-admin', '@admin:localhost'])).toMatchObject({ code: 0 });
    const reset = ['user', 'reset-password', '@alice:localhost', '--logout-devices'];
    expect(await beside(reset, 'other-password')).toMatchObject({ code: 0 });
    expect(await dendrite.call(alice, 'GET', 'account/whoami')).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' });
    expect(await dendrite.logIn('alice', 'alice-password')).toBeUndefined();
    expect(await dendrite.logIn('alice', 'other-password')).toBeDefined();
    expect(await beside(['user', 'deactivate', '@bob:localhost'])).toMatchObject({ code: 0 });
    expect(await dendrite.logIn('bob', 'bob-password')).toBeUndefined();
  });

  it('serve shows leaves to clients with their next request, and refuses a purge', async () => {
    const token = await tokenOf('admin', 'admin-password');
    const alice = await tokenOf('alice', 'other-password');
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, token);
    const roomId = await roomOf(alice, { name: 'Lobby' });
    const stop = new AbortController();
    let origin = '';
    const serving = runCommand(
      ['serve', '--port', '0', '--homeserver', 'localhost', '--signing-key', dendrite.keyFile].concat([
        '--dendrite-url',
        dendrite.origin,
        '--dendrite-token-file',
        tokenFile,
      ]),
      {
        environment: { MATRIX_ADMIN_DATABASE: database },
        signal: stop.signal,
        onOutput: (text) => {
          origin = /ready (\S+)\n/.exec(text)?.[1] ?? '';
        },
      },
    );
    await expect.poll(() => origin).not.toBe('');
    const overHttp = (args: readonly string[]): Promise<Ran> =>
      runCommand([...args, '--url', origin, '--token-file', tokenFile, '--yes']);
    expect(await overHttp(['room', 'purge', roomId])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('Stop Dendrite'),
    });
    const { next_batch: since } = await dendrite.call(alice, 'GET', 'sync?timeout=0');
    expect(await overHttp(['room', 'evacuate', roomId])).toMatchObject({ code: 0 });
    await expect.poll(() => roomsOf(alice, `&since=${String(since)}`)).toMatchObject({ leave: [roomId] });
    // Dendrite continues after the events that the plugin has written.
    expect(await joinRoom(alice, roomId)).toEqual({ room_id: roomId });
    // After the account has left its room, one notice fails. The next one goes into a new room.
    const { joined_rooms: rooms } = await dendrite.call(token, 'GET', 'joined_rooms');
    expect(rooms).toEqual([expect.any(String)]);
    await dendrite.call(token, 'POST', `rooms/${encodeURIComponent(String(rooms))}/leave`, {});
    expect(await overHttp(['room', 'evacuate', roomId])).toMatchObject({ code: 0 });
    expect(await joinRoom(alice, roomId)).toEqual({ room_id: roomId });
    const { next_batch: later } = await dendrite.call(alice, 'GET', 'sync?timeout=0');
    expect(await overHttp(['room', 'evacuate', roomId])).toMatchObject({ code: 0 });
    await expect.poll(() => roomsOf(alice, `&since=${String(later)}`)).toMatchObject({ leave: [roomId] });
    expect(await joinRoom(alice, roomId)).toEqual({ room_id: roomId });
    stop.abort();
    const { code, stderr } = await serving;
    expect([code, stderr.match(/"level":"warn"/g)]).toEqual([0, ['"level":"warn"']]);
  });

  it('stopped Dendrite works with the changes after its next start', async () => {
    const alice = await tokenOf('alice', 'other-password');
    const purged = await roomOf(alice, { name: 'Purged', room_alias_name: 'purged' });
    const left = await roomOf(alice, { name: 'Left' });
    const kept = await roomOf(alice, { name: 'Kept' });
    await dendrite.stop();
    const options = join(directory, 'options.json');
    await writeFile(options, JSON.stringify({ serverNotices: {} }));
    const notice = ['notice', 'send', '@alice:localhost', '--message', 'hello', '--plugin-options', options];
    for (const args of [
      ['room', 'purge', purged, '--evacuate'],
      ['room', 'evacuate', left],
      ['user', 'set-admin', '@alice:localhost'],
      ['user', 'create', '@dave:localhost'],
      notice,
    ]) {
      const ran = await onDatabase(args, 'dave-password');
      expect(ran, ran.stderr).toMatchObject({ code: 0 });
    }
    await dendrite.start();
    expect(await dendrite.logIn('dave', 'dave-password')).toBeDefined();
    const { join: joined = [], invite = [] } = await roomsOf(alice);
    expect(joined).toContain(kept);
    expect(joined).not.toContain(purged);
    expect(joined).not.toContain(left);
    expect(invite).toHaveLength(1);
    expect(await joinRoom(alice, invite[0] ?? '')).toEqual({ room_id: invite[0] });
    expect(await joinRoom(alice, left)).toEqual({ room_id: left });
    expect(await joinRoom(alice, purged)).not.toHaveProperty('room_id');
    // The alias is free again.
    expect(await roomOf(alice, { name: 'New', room_alias_name: 'purged' })).toMatch(/^!/);
  });
});
