import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonOf } from '../../support/http-client.ts';
import { MOUNTS, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const PATH = '/_dendrite/admin/openapi.json';

describe.each(MOUNTS.slice(0, 2).map((mount) => [mount.name, mount] as const))(
  'the OpenAPI document %j',
  (_name, mount) => {
    let plugin: MountedPlugin;
    beforeAll(async () => {
      plugin = await mountPlugin({ mount });
    });
    afterAll(() => plugin.close());

    it('is shown to administrators, with the prefix of the mount as the server', async () => {
      const { status, text } = await plugin.asAdmin(PATH);
      expect(status).toBe(200);
      const { openapi, servers, paths } = JSON.parse(text);
      expect(openapi).toBe('3.1.1');
      expect(servers).toEqual([{ url: mount.prefix || '/' }]);
      expect(Object.keys(paths)).toContain(PATH);
    });

    it('is not shown to strangers', async () => {
      const answer = await plugin.request(PATH);
      expect(answer.status).toBe(401);
      expect(jsonOf(answer).errcode).toBe('M_MISSING_TOKEN');
    });
  },
);
