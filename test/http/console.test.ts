import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../support/http-client.ts';
import { MOUNTS, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const CONSOLE = '/_dendrite/admin/console';

describe.each(MOUNTS.slice(0, 3))('the console $name', (mount) => {
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({ mount });
  });
  afterAll(() => plugin.close());

  it('is a page that everybody may load, and whose files exist', async () => {
    const page = await plugin.request(CONSOLE);
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const links = [...page.text.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link = '']) => link);
    expect(links).toHaveLength(2);
    for (const link of links) {
      // Resolves the link as a browser does.
      const { pathname } = new URL(link, `http://x${CONSOLE}`);
      const file = await plugin.request(pathname);
      expect([file.status, file.text.length > 1_000]).toEqual([200, true]);
    }
  });

  it('may load nothing but its own files, and nobody may put it into a frame', async () => {
    const { headers, text } = await plugin.request(CONSOLE);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(headers['content-security-policy']).toMatch(/frame-ancestors 'none'/);
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    expect(headers).not.toHaveProperty('set-cookie');
    expect(text).not.toMatch(/<script[^>]*>[^<]|<style| style="| on[a-z]+="/);
  });

  it('is only read', async () => {
    const statusOf = async (method: string): Promise<number> => (await plugin.request(CONSOLE, { method })).status;
    expect(await Promise.all(['HEAD', 'POST', 'DELETE'].map(statusOf))).toEqual([200, 405, 405]);
  });
});

it('the console can be switched off', async () => {
  const plugin = await mountPlugin({ options: { console: false } });
  const answers: Answer[] = [];
  for (const path of ['', '/console.js', '/console.css']) answers.push(await plugin.request(CONSOLE + path));
  await plugin.close();
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
});
