import { afterEach, describe, expect, it, vi } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { USERS } from '../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const AUDIT = '/_dendrite/admin/audit';
const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

async function start(
  limit: { count: number; windowMs: number },
  more: Parameters<typeof mountPlugin>[0] = {},
): Promise<MountedPlugin> {
  const plugin = await mountPlugin({ ...more, options: { limits: { failedAuthentications: limit } } });
  closings.push(plugin.close);
  return plugin;
}

const fail = (plugin: MountedPlugin, headers: Record<string, string> = {}): Promise<Answer> =>
  plugin.request(AUDIT, { headers: { ...bearer('nobody'), ...headers } });

function expectLimited(answer: Answer, windowMs: number): void {
  expect(answer.status).toBe(429);
  const { retry_after_ms: retryAfterMs, ...rest } = jsonOf(answer);
  expect(rest).toEqual({ errcode: 'M_LIMIT_EXCEEDED', error: 'Too many failed authentications' });
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(windowMs);
  expect(answer.headers['retry-after']).toBe(String(Math.ceil(Number(retryAfterMs) / 1_000)));
}

describe('failed authentications', () => {
  it('are answered with 429 above the limit, whatever their error', async () => {
    const plugin = await start({ count: 3, windowMs: 60_000 });
    expect((await fail(plugin)).status).toBe(401);
    expect((await plugin.request(AUDIT)).status).toBe(401);
    expect((await plugin.request(AUDIT, { headers: { Authorization: 'Basic x' } })).status).toBe(401);
    expectLimited(await fail(plugin), 60_000);
    expectLimited(await plugin.request('/_dendrite/admin/jobs', { method: 'GET' }), 60_000);
    expect((await fail(plugin)).headers['access-control-allow-origin']).toBe('*');
    expect(await plugin.metric('matrix_admin_auth_failures_total', { reason: 'rate_limited' })).toBe(3);
  });

  it('do not affect valid tokens and other requests', async () => {
    const plugin = await start({ count: 1, windowMs: 60_000 });
    await fail(plugin);
    expectLimited(await fail(plugin), 60_000);
    expect((await plugin.asAdmin(AUDIT)).status).toBe(200);
    expect((await plugin.request(AUDIT, { headers: bearer(USERS.alice.access_token) })).status).toBe(403);
    expect((await plugin.request('/_dendrite/admin/nothing')).status).toBe(404);
    expect((await plugin.request(AUDIT, { method: 'OPTIONS' })).status).toBe(200);
  });

  it('by users without permission are not counted', async () => {
    const plugin = await start({ count: 2, windowMs: 60_000 });
    for (let n = 0; n < 5; n += 1) await plugin.request(AUDIT, { headers: bearer(USERS.alice.access_token) });
    expect((await fail(plugin)).status).toBe(401);
  });

  it('are counted by all processes of the homeserver together', async () => {
    const database = await createTestDatabase({ fixture: true });
    closings.push(() => database.drop());
    const limit = { count: 6, windowMs: 60_000 };
    const plugins = [await start(limit, { database }), await start(limit, { database })];
    const tries = Array.from({ length: 10 }, () => plugins).flat();
    const answers = await Promise.all(tries.map((plugin) => fail(plugin)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(6);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(14);
  });

  it('are allowed again after the window', async () => {
    const plugin = await start({ count: 1, windowMs: 300 });
    await fail(plugin);
    expectLimited(await fail(plugin), 300);
    await vi.waitFor(async () => expect((await fail(plugin)).status).toBe(401), { timeout: 5_000 });
  });

  it('are counted by client address behind a proxy, in any format', async () => {
    const plugin = await start({ count: 1, windowMs: 60_000 }, { proxy: true });
    for (const address of ['192.0.2.1', '2001:db8::1', 'x'.repeat(1_000), "' OR 1=1 --", '\xe9\xff', '?']) {
      expect((await fail(plugin, { 'X-Forwarded-For': address })).status).toBe(401);
      expectLimited(await fail(plugin, { 'X-Forwarded-For': address }), 60_000);
    }
  });

  it('are deleted from the database after the window', async () => {
    const plugin = await start({ count: 5, windowMs: 100 }, { proxy: true });
    const addresses = async (): Promise<number> =>
      (await plugin.database.db('matrix_admin.rate_limits').select('key')).length;
    for (let n = 0; n < 5; n += 1) await fail(plugin, { 'X-Forwarded-For': `192.0.2.${n}` });
    await vi.waitFor(
      async () => {
        await fail(plugin, { 'X-Forwarded-For': '192.0.2.99' });
        expect(await addresses()).toBe(1);
      },
      { timeout: 5_000, interval: 150 },
    );
  });
});
