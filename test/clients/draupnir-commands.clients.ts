import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type FixtureHomeserver,
  fixture,
  type Json,
  roomNamed,
  sendPath,
} from '../reference-host/fixture-homeserver.ts';
import { startClientHomeserver } from './client-homeserver.ts';
import { type Draupnir, startDraupnir } from './draupnir-process.ts';

const { DRAUPNIR_DIR: directory = '' } = process.env;
const V3 = '/_matrix/client/v3';
const { admin, bob, carol } = fixture.users;

describe.skipIf(directory === '')('Draupnir, from DRAUPNIR_DIR, which skips this test if it is not set', () => {
  let server: FixtureHomeserver;
  let draupnir: Draupnir;
  let managementRoom: string;

  const call = async (method: string, path: string, body?: unknown): Promise<Json> =>
    (await server.call('alice', method, path, body)).body;
  /** The texts that Draupnir has sent to the management room. */
  const said = async (): Promise<string> => {
    const { chunk } = await call('GET', `${V3}/rooms/${encodeURIComponent(managementRoom)}/messages?dir=f&limit=1000`);
    const own = chunk.filter((event: Json) => event.sender === admin.user_id && event.type === 'm.room.message');
    return own.map((event: Json) => event.content.body).join('\n');
  };
  let commands = 0;
  const command = async (text: string): Promise<void> => {
    const path = `${V3}/rooms/${encodeURIComponent(managementRoom)}/send/m.room.message/${commands++}`;
    await call('PUT', path, { msgtype: 'm.text', body: `!draupnir ${text}` });
  };

  beforeAll(async () => {
    server = await startClientHomeserver();
    const request = { name: 'Moderators', invite: [admin.user_id], preset: 'trusted_private_chat' };
    managementRoom = (await call('POST', `${V3}/createRoom`, request)).room_id;
    draupnir = await startDraupnir(directory, server.origin, managementRoom);
  });
  afterAll(async () => {
    await draupnir?.stop();
    await server?.stop();
  });

  test('starts', async () => {
    await expect.poll(async () => (await said()) || draupnir.log(), { timeout: 110_000 }).toContain('Startup complete');
  });

  test('answers, and protects a room', async () => {
    await command(`rooms add ${roomNamed('v10')}`);
    const path = `${V3}/user/${admin.user_id}/account_data/org.matrix.mjolnir.protected_rooms`;
    await expect.poll(async () => (await server.call('admin', 'GET', path)).body.rooms).toContain(roomNamed('v10'));
    await command('status');
    await expect.poll(said).toContain('across 2 rooms');
  });

  test('shows a report', async () => {
    const { event_id: id } = (await server.call('bob', 'PUT', sendPath('v10'), { msgtype: 'm.text', body: 'spam' }))
      .body;
    const path = `${V3}/rooms/${encodeURIComponent(roomNamed('v10'))}/report/${encodeURIComponent(id)}`;
    await call('POST', path, { reason: 'This is a report' });
    await expect.poll(said, { timeout: 100_000 }).toContain('This is a report');
  });

  test('hijacks a room', async () => {
    const path = `${V3}/rooms/${encodeURIComponent(roomNamed('v11'))}/state/m.room.power_levels/`;
    const levelOfBob = async (): Promise<unknown> => (await call('GET', path)).users?.[bob.user_id];
    expect(await levelOfBob()).toBeUndefined();
    await command(`hijack room ${roomNamed('v11')} ${bob.user_id}`);
    await expect.poll(levelOfBob).toBe(100);
  });

  test('suspends and deactivates users', async () => {
    await command(`suspend ${bob.user_id} --no-confirm`);
    await expect
      .poll(async () => (await server.call('bob', 'PUT', sendPath('v10'), { body: 'x' })).body.errcode)
      .toBe('M_USER_SUSPENDED');
    await command(`deactivate ${carol.user_id} --no-confirm`);
    await expect.poll(async () => (await server.call('carol', 'GET', `${V3}/account/whoami`)).status).toBe(401);
  });

  test('shuts a room down', async () => {
    const roomId = roomNamed('v9');
    await command(`shutdown room ${roomId} spam`);
    const path = `/_synapse/admin/v1/rooms/${encodeURIComponent(roomId)}`;
    await expect.poll(async () => (await server.call('admin', 'GET', `${path}/block`)).body.block).toBe(true);
    await expect.poll(async () => (await server.call('admin', 'GET', path)).status).toBe(404);
  });
});
