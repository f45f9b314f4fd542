import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { AdminPluginOptions } from '../../src/config.ts';
import { jsonOf } from '../support/http-client.ts';
import { MOUNTS, type Mount, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const MINE = '/_synapse/admin/v1/mine';
/** A path that the plugin does not serve with the options of these tests. */
const SWITCHED_OFF = '/_synapse/admin/v1/register';

const reached: string[] = [];
afterEach(() => {
  reached.length = 0;
});

/** Mounts a plugin. After it, adds routes of the host whose paths are below the plugin's paths. */
async function mount(mounted: Mount, options: AdminPluginOptions): Promise<MountedPlugin> {
  const use: Mount['use'] = (app, admin) => {
    mounted.use(app, admin);
    app.use(async (ctx, next) => {
      reached.push(`${ctx.method} ${ctx.path}`);
      const paths = [MINE, SWITCHED_OFF, '/_dendrite/admin'].map((path) => mounted.prefix + path);
      if (paths.includes(ctx.path)) ctx.body = { host: ctx.request.method };
      else await next();
    });
  };
  const plugin = await mountPlugin({ mount: { ...mounted, use }, options });
  onTestFinished(() => plugin.close());
  return plugin;
}

describe.each(MOUNTS)("an unknown path below the plugin's prefixes $name", (mounted) => {
  it('is answered by the plugin by default', async () => {
    const plugin = await mount(mounted, { http: { passUnknownPaths: false } });
    for (const path of [MINE, SWITCHED_OFF, '/_dendrite/admin']) {
      for (const method of ['GET', 'POST']) {
        const answer = await plugin.request(path, { method });
        expect([answer.status, jsonOf(answer).errcode]).toEqual([404, 'M_UNRECOGNIZED']);
      }
    }
    expect(reached).toEqual([]);
  });

  it('reaches the host unchanged if the option is set', async () => {
    const plugin = await mount(mounted, { http: { passUnknownPaths: true } });
    for (const path of [MINE, SWITCHED_OFF, '/_dendrite/admin']) {
      for (const method of ['GET', 'POST', 'PATCH']) {
        const answer = await plugin.asAdmin(path, { method });
        expect([answer.status, jsonOf(answer)]).toEqual([200, { host: method }]);
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      }
    }
    expect((await plugin.asAdmin('/_synapse/admin/v1/nothing')).status).toBe(404);
    expect(reached).toContain(`GET ${mounted.prefix}/_synapse/admin/v1/nothing`);
    expect(await plugin.metric('matrix_admin_http_requests_total')).toBe(0);
  });

  it("does not change the plugin's routes and their answers to unknown methods", async () => {
    const plugin = await mount(mounted, { http: { passUnknownPaths: true } });
    expect(jsonOf(await plugin.asAdmin('/_dendrite/admin/jobs'))).toEqual({ jobs: [] });
    expect((await plugin.request('/_dendrite/admin/jobs')).status).toBe(401);
    const wrong = await plugin.asAdmin('/_dendrite/admin/jobs', { method: 'PATCH' });
    expect([wrong.status, jsonOf(wrong).errcode]).toEqual([405, 'M_UNRECOGNIZED']);
    expect(reached).toEqual([]);
  });
});
