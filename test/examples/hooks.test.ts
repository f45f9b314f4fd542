import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addFourEyes } from '../../examples/hooks/four-eyes.ts';
import { addLegalHold } from '../../examples/hooks/legal-hold.ts';
import { addWebhook, type WebhookSettings } from '../../examples/hooks/webhook.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { addAccount, addDevice } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const { v5: held, v6: other, v7: evacuated, v8: large } = server.rooms;

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin();
});
afterAll(() => plugin.close());

const post = (path: string) => plugin.asAdmin(path, { method: 'POST', body: '{}' });
const purge = (roomId: string) => post(`/_dendrite/admin/purgeRoom/${roomId}`);

describe('a legal hold', () => {
  it('prevents purges and deletions of a room until it is lifted', async () => {
    const lift = addLegalHold(plugin.admin, (roomId) => roomId === held);
    const refused = await purge(held);
    expect([refused.status, jsonOf(refused).errcode]).toEqual([403, 'ORG_EXAMPLE_LEGAL_HOLD']);
    const path = `/_synapse/admin/v1/rooms/${held}`;
    expect((await plugin.asAdmin(path, { method: 'DELETE', body: '{"purge":true}' })).status).toBe(403);
    expect((await purge(other)).status).toBe(200);
    expect(await plugin.database.db('roomserver_rooms').where({ room_id: held })).toHaveLength(1);
    lift();
    expect((await purge(held)).status).toBe(200);
  });
});

describe('four eyes', () => {
  const decide = (id: string, decision: string) =>
    plugin.request(`/_dendrite/admin/approvals/${id}`, {
      method: 'POST',
      headers: bearer('token-of-ben'),
      body: JSON.stringify({ decision }),
    });

  it('purge a large room', async () => {
    const { db } = plugin.database;
    await addAccount(db, { localpart: 'ben', accountType: 3 });
    await addDevice(db, { accessToken: 'token-of-ben', localpart: 'ben' });
    const events = (await db('syncapi_output_room_events').where({ room_id: large })).length;

    const off = addFourEyes(plugin.admin, events - 1);
    const dryRun = { method: 'POST', body: '{"dry_run":true}' };
    expect((await plugin.asAdmin(`/_dendrite/admin/purgeRoom/${large}`, dryRun)).status).toBe(200);
    const refused = await purge(large);
    expect([refused.status, jsonOf(refused)]).toEqual([
      403,
      {
        errcode: 'M_FORBIDDEN',
        error: `Another administrator must approve this first: The room has ${events} events, which are more than ${events - 1}`,
        approval_id: expect.any(String),
      },
    ]);
    expect(await db('roomserver_rooms').where({ room_id: large })).toHaveLength(1);
    expect((await decide(String(jsonOf(refused).approval_id), 'approve')).status).toBe(200);
    expect((await purge(large)).status).toBe(200);
    expect(await db('roomserver_rooms').where({ room_id: large })).toEqual([]);
    expect((await purge('!nowhere:elsewhere.example')).status).toBe(404);
    off();
  });

  it('need not look at a room that has no more events than the limit', async () => {
    const { v9: small } = server.rooms;
    const off = addFourEyes(plugin.admin, 1_000_000);
    expect((await purge(small)).status).toBe(200);
    off();
  });
});

describe('a webhook', () => {
  /** The messages that the webhook's receiver got, and the status with which it answers. */
  let received: { readonly body: string; readonly signature: unknown }[] = [];
  let status = 500;
  let receiver: Server;
  let settings: WebhookSettings;
  beforeAll(async () => {
    receiver = createServer((incoming, outgoing) => {
      let body = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      incoming.on('end', () => {
        received.push({ body, signature: incoming.headers['x-signature'] });
        outgoing.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => {
      receiver.listen(0, '127.0.0.1', resolve);
    });
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    settings = { db: plugin.database.db, url, secret: 'between us', retryMs: 50 };
  });
  afterAll(() => {
    receiver.close();
    receiver.closeAllConnections();
  });

  const waiting = () => plugin.database.db('webhook_outbox').select('id');

  it('is signed, and is retried until it is accepted, even after a restart', async () => {
    const first = await addWebhook(plugin.admin, settings);
    expect((await post(`/_dendrite/admin/evacuateRoom/${evacuated}`)).status).toBe(200);
    await expect.poll(() => received.length).toBeGreaterThan(1);
    await first.stop();
    expect(await waiting()).toHaveLength(1);

    status = 200;
    received = [];
    const second = await addWebhook(plugin.admin, settings);
    await expect.poll(waiting).toEqual([]);
    await second.stop();
    const [{ body, signature } = { body: '', signature: '' }] = received;
    expect(JSON.parse(body)).toMatchObject({ operation: 'evacuateRoom', input: { roomId: evacuated } });
    expect(signature).toBe(`sha256=${createHmac('sha256', 'between us').update(body).digest('hex')}`);
    expect(received).toHaveLength(1);
  });
});
