import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/http/routes.ts';
import { exchange, jsonOf, parseAnswer } from '../support/http-client.ts';
import { ALL_ROUTES, MOUNTS, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const UNRECOGNIZED = { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' };
const NO_SUCH_JOB = 'M_NOT_FOUND';
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers': 'Origin, X-Requested-With, Content-Type, Accept, Authorization',
};
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'TRACE', 'QUERY', 'PURGE'];
const PATHS = [...new Set(ROUTES.map(({ path }) => path))];
/**
 * The paths that each route matches. A route may also match the template of another: `registrationTokens/:token` matches
 * `registrationTokens/new`.
 */
const PATTERNS = ROUTES.map(({ path }) => new RegExp(`^${path.replace(/:\w+/g, '[^/]+').replace(/\*\w+/g, '.+')}$`));
const pathOf = (template: string): string => template.replace(':jobId', '01234567-89ab-4def-8123-456789abcdef');

describe.each(MOUNTS)('routing $name', (mount) => {
  // All mounts use the same router. Methods of each kind are enough for the other mounts: common, uncommon, and unknown to routers.
  const wrongMethods = mount === MOUNTS[0] ? METHODS : ['GET', 'POST', 'QUERY'];
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({ mount, options: ALL_ROUTES });
  });
  afterAll(() => plugin.close());

  it.each([
    '/_dendrite/admin',
    '/_dendrite/admin/',
    '/_dendrite/admin//',
    '/_dendrite/admin/?x=1',
    '/_dendrite/admin/nothing',
    '/_dendrite/admin/jobs/',
    '/_dendrite/admin//jobs',
    '/_dendrite/admin/jobs//cancel',
    '/_dendrite/admin/jobs/x/cancel/',
    '/_dendrite/admin/jobs/x/y/z',
    '/_dendrite/admin/Jobs',
    '/_dendrite/admin/JOBS',
    '/_dendrite/admin/fulltext/reindex/',
    '/_dendrite/admin/fulltext/reindex/x',
    '/_dendrite/admin/fulltext%2Freindex',
    '/_dendrite/admin/./jobs',
    '/_dendrite/admin/../admin/jobs',
    '/_dendrite/admin/%zz',
    '/_dendrite/admin/%00',
    '/_dendrite/admin/%0a%0d',
    '/_synapse/admin',
    '/_synapse/admin/',
    '/_synapse/admin/v1/nonsense',
    '/_synapse/admin/v1/rooms/',
    '/_synapse/admin/v1/rooms//members',
    '/_synapse/admin/v2/users/%40a%3Ab/nothing',
  ])('answers %s with 404 M_UNRECOGNIZED for every caller', async (path) => {
    for (const method of ['GET', 'POST', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = parseAnswer(
        await exchange(
          plugin.origin,
          `${method} ${mount.prefix}${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        ),
      );
      expect(answer.status, method).toBe(404);
      expect(jsonOf(answer), method).toEqual(UNRECOGNIZED);
      expect(answer.headers).toMatchObject({ ...CORS, 'content-type': 'application/json' });
    }
    expect((await plugin.asAdmin(path)).status).toBe(404);
  });

  it.each([
    '/',
    '/host2',
    '/_dendrite',
    '/_dendrite/',
    '/_dendrite/adminx',
    '/_dendrite/monitor/up',
    '/_synapse/client',
    '/_DENDRITE/admin/jobs',
    '/_dendrite/Admin/jobs',
    '//_dendrite/admin/jobs',
    '/_dendrite//admin/jobs',
    '/_dendrite%2Fadmin/jobs',
  ])('leaves %s to the host', async (path) => {
    for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE', 'QUERY', 'PROPFIND']) {
      const answer = await plugin.asAdmin(path, { method });
      expect(answer.status).toBe(404);
      expect(answer.text).not.toContain('M_');
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      expect(answer.headers).not.toHaveProperty('x-request-id');
    }
  });

  it("does not change the host's routes", async () => {
    const answer = await fetch(`${plugin.origin}/host`);
    expect(await answer.text()).toBe('the host');
    expect(answer.headers.get('x-request-id')).toBeNull();
  });

  it.each(PATHS)('answers wrong methods on %s with 405 M_UNRECOGNIZED and Allow', async (template) => {
    const routes = ROUTES.filter((_, index) => PATTERNS[index]?.test(template));
    const methods = routes.map(({ method }) => method as string);
    const allowed = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
    for (const method of wrongMethods.filter((name) => !methods.includes(name))) {
      const answer = await plugin.request(pathOf(template), { method });
      expect(answer.status, method).toBe(405);
      expect(jsonOf(answer)).toEqual(UNRECOGNIZED);
      expect(answer.headers).toMatchObject(CORS);
      expect(String(answer.headers.allow).split(', ').sort()).toEqual([...new Set([...allowed, 'OPTIONS'])].sort());
    }
    const head = await plugin.request(pathOf(template), { method: 'HEAD' });
    expect(head.text).toBe('');
    if (routes.some(({ openTo }) => openTo !== undefined)) expect(head.status).toBeLessThan(401);
    else expect(head.status).toBe(methods.includes('GET') ? 401 : 405);
  });

  it.each(PATHS)('answers OPTIONS on %s with 200 and nothing else, without a token', async (template) => {
    const answer = await plugin.request(pathOf(template), { method: 'OPTIONS' });
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect(answer.headers).toMatchObject(CORS);
    expect(answer.headers).not.toHaveProperty('content-type');
  });

  it('answers every preflight below the prefixes with 200', async () => {
    for (const path of ['/_dendrite/admin', '/_dendrite/admin/', '/_dendrite/admin/nothing', '/_synapse/admin/v1/x']) {
      const headers = { 'Access-Control-Request-Method': 'POST', Origin: 'http://elsewhere.example' };
      const answer = await plugin.request(path, { method: 'OPTIONS', headers });
      expect([answer.status, answer.text]).toEqual([200, '']);
      expect(answer.headers).toMatchObject(CORS);
    }
  });

  it.each([
    'x',
    '%40a%3Ab',
    '@a:b',
    'a%2Fb',
    '%',
    '%zz',
    '%E0%A4%A',
    '%00',
    '%F0%9F%94%91',
    '%C0%80',
    '..',
    '%2e%2e',
    '+',
    '__proto__',
    'constructor',
    '*',
    ';x=1',
    '01234567-89ab-4def-8123-456789abcdef',
    "'%20OR%201=1--",
    'x'.repeat(8_000),
  ])('answers the job id %s with a clear 404', async (id) => {
    for (const [method, path] of [
      ['GET', id],
      ['GET', `${id}/events`],
      ['POST', `${id}/cancel`],
    ] as const) {
      const answer = await plugin.asAdmin(`/_dendrite/admin/jobs/${id.replaceAll(' ', '%20')}`.replace(id, path), {
        method,
      });
      expect([400, 404]).toContain(answer.status);
      expect([NO_SUCH_JOB, 'M_INVALID_PARAM']).toContain(jsonOf(answer).errcode);
    }
  });

  it('accepts encoded and plain ids', async () => {
    const id = await insertJob(plugin);
    for (const spelling of [
      id,
      id.replaceAll('-', '%2D'),
      id.toUpperCase(),
      `%${(id.codePointAt(0) ?? 0).toString(16)}${id.slice(1)}`,
    ]) {
      const answer = await plugin.asAdmin(`/_dendrite/admin/jobs/${spelling}`);
      expect(answer.status).toBe(200);
      expect(jsonOf(answer).id).toBe(id);
    }
  });

  it.each(['/_dendrite/admin/jobs', '/_dendrite/admin/audit'])(
    'answers HEAD %s like GET, without the body',
    async (path) => {
      const [get, head] = [await plugin.asAdmin(path), await plugin.asAdmin(path, { method: 'HEAD' })];
      expect([head.status, head.text]).toEqual([200, '']);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
      expect(head.headers['content-length']).toBe(get.headers['content-length']);
      expect((await plugin.request(path, { method: 'HEAD' })).status).toBe(401);
    },
  );

  it('gives each answer its own request id, whatever the client sends', async () => {
    const ids = new Set<unknown>();
    for (const path of ['/_dendrite/admin/jobs', '/_dendrite/admin/x', '/_dendrite/admin/audit']) {
      for (const method of ['GET', 'OPTIONS', 'PUT']) {
        const answer = await plugin.asAdmin(path, { method, headers: { 'X-Request-Id': 'mine' } });
        expect(answer.headers['x-request-id']).toMatch(/^[\w-]{12}$/);
        ids.add(answer.headers['x-request-id']);
        expect(answer.headers['cache-control']).toBe('no-store');
      }
    }
    expect(ids.size).toBe(9);
  });

  it('counts requests by template, never by path', async () => {
    await plugin.asAdmin('/_dendrite/admin/jobs/some-id');
    await plugin.asAdmin('/_dendrite/admin/secret-path');
    const requests = await plugin.registry.getSingleMetricAsString('matrix_admin_http_requests_total');
    expect(requests).toContain('route="/_dendrite/admin/jobs/:jobId",status="404"');
    expect(requests).toContain('route="unrecognized",status="404"');
    expect(requests).not.toContain('some-id');
    expect(requests).not.toContain('secret-path');
    expect(plugin.appErrors).toEqual([]);
  });
});

async function insertJob({ database }: MountedPlugin): Promise<string> {
  const { rows } = await database.db.raw(
    `INSERT INTO matrix_admin.jobs (kind, created_by) VALUES ('test', 'somebody') RETURNING id`,
  );
  return rows[0].id;
}
