import { afterAll, beforeAll, expect, it } from 'vitest';
import { nameInRequest, type Route, type RouteRequest } from '../../src/http/route.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { USERS } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const USER = `/_synapse/admin/v2/users/${encodeURIComponent(USERS.bob.user_id)}`;

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin({ options: ALL_ROUTES });
});
afterAll(() => plugin.close());

it.each<[string, string, object | undefined, string]>([
  ['GET', '/_synapse/admin/v2/users?order_by=nonsense', undefined, 'order_by'],
  ['GET', '/_synapse/admin/v2/users?dir=x', undefined, 'dir'],
  ['GET', '/_synapse/admin/v2/users?not_user_type=alien', undefined, 'not_user_type.0'],
  ['GET', '/_synapse/admin/v2/users/alice', undefined, 'userId'],
  ['PUT', USER, { displayname: 5 }, 'displayname'],
  ['PUT', USER, { displayname: '\0' }, 'displayname'],
  ['PUT', USER, { user_type: 'alien' }, 'user_type'],
  ['PUT', USER, { threepids: [{ medium: 'email', address: 'x' }] }, 'threepids.0.address'],
  ['PUT', `${USER}/devices/x`, { display_name: 5 }, 'display_name'],
  ['GET', '/_synapse/admin/v1/rooms?search_term=', undefined, 'search_term'],
  ['DELETE', `/_synapse/admin/v1/rooms/${encodeURIComponent('!r:x.org')}`, { force_purge: 'x' }, 'force_purge'],
  ['GET', '/_synapse/admin/v1/event_reports?event_sender_user_id=abc', undefined, 'event_sender_user_id'],
  ['POST', `/_synapse/admin/v1/reset_password/${USERS.bob.user_id}`, {}, 'new_password'],
  ['PUT', `/_synapse/admin/v1/suspend/${USERS.bob.user_id}`, { suspend: 1 }, 'suspend'],
  ['POST', '/_dendrite/admin/serverNotices', { content: {}, user_ids: 5 }, 'user_ids'],
])('%s %s %j reports %s', async (method, path, body, name) => {
  const answer = await plugin.asAdmin(path, { method, ...(body && { body: JSON.stringify(body) }) });
  expect(answer.status).toBe(400);
  expect(jsonOf(answer).error).toMatch(new RegExp(`^(?:bad|missing) parameter "${name}"`));
});

/** Inputs of operations that the client does not set. */
const NOT_GIVEN = new Set(['address', 'userAgent', 'onlyIfRequired', 'shadowBanned', 'quarantined', 'protected']);

/** Returns the parts of a request that a route reads, and the names of the input that it passes to its operation. */
function traced(route: Route): { read: Set<string>; parameters: string[] } {
  const read = new Set<string>();
  const reading = new Proxy<Record<string, string>>(
    {},
    {
      get: (_target, key) => {
        read.add(String(key));
        return 'true';
      },
    },
  );
  const request: RouteRequest = {
    params: reading,
    query: reading,
    valuesOf: (key) => [reading[key] ?? ''],
    body: reading,
    address: '',
    userAgent: '',
    respondAsync: false,
    urlOf: (path) => path,
  };
  const input = Object.entries(route.input(request) as object);
  return { read, parameters: input.flatMap(([key, value]) => (value === undefined ? [] : [key])) };
}

it.each(ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))(
  '%s has its names right',
  (_route, route) => {
    const { read, parameters } = traced(route);
    const named = parameters.filter((key) => !NOT_GIVEN.has(key)).map((key) => nameInRequest(route, key));
    expect([...read]).toEqual(expect.arrayContaining(named));
  },
);
