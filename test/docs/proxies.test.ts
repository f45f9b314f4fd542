import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/http/routes.ts';

/** Admin routes that Dendrite 0.15 has itself. Source: Dendrite, "Admin API". */
const OF_DENDRITE = [
  '/_dendrite/admin/downloadState/:serverName/:roomId',
  '/_dendrite/admin/evacuateRoom/:roomId',
  '/_dendrite/admin/evacuateUser/:userId',
  '/_dendrite/admin/fulltext/reindex',
  '/_dendrite/admin/purgeRoom/:roomId',
  '/_dendrite/admin/refreshDevices/:userId',
  '/_dendrite/admin/registrationTokens',
  '/_dendrite/admin/registrationTokens/:token',
  '/_dendrite/admin/registrationTokens/new',
  '/_dendrite/admin/resetPassword/:userId',
  '/_synapse/admin/v1/register',
  '/_synapse/admin/v1/send_server_notice',
];

const page = readFileSync(new URL('../../docs/serve.md', import.meta.url), 'utf8');
const paths = [...new Set(ROUTES.map(({ path }) => path))]
  .filter((path) => /^\/_(?:synapse|dendrite)\//.test(path))
  .sort();
const requestOf = (path: string): string => path.replace(/:\w+/g, encodeURIComponent('!a:example.org'));

/** The locations of the nginx block, in their order, which is the order in which nginx tries them. */
function nginxLocations(): readonly { readonly pattern: RegExp; readonly port: string }[] {
  const block = /```nginx\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  return [...block.matchAll(/location (?:~ )?(\S+) \{\s*proxy_pass http:\/\/127\.0\.0\.1:(\d+)/g)].map(
    ([, pattern = '', port = '']) => ({
      pattern: new RegExp(pattern),
      port,
    }),
  );
}

/** Paths that the Caddy block sends to Dendrite before it looks at the plugin's. */
function caddyPattern(): RegExp {
  return new RegExp(/@dendrite path_regexp (\S+)/.exec(page)?.[1] ?? '(?!)');
}

describe('the proxy of docs/serve.md', () => {
  it.each(paths)('sends %s to the program whose path it is', (path) => {
    const request = requestOf(path);
    const isDendrite = OF_DENDRITE.some((own) => own.replace(/:\w+/g, ':') === path.replace(/:\w+/g, ':'));
    expect(nginxLocations().find(({ pattern }) => pattern.test(request))?.port).toBe(isDendrite ? '8008' : '8009');
    expect(caddyPattern().test(request)).toBe(isDendrite);
  });

  it('sends all paths of clients to Dendrite', () => {
    const request = '/_matrix/client/v3/sync';
    expect(nginxLocations().find(({ pattern }) => pattern.test(request))?.port).toBe('8008');
  });
});
