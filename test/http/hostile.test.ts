import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PREFIXES, ROUTES } from '../../src/http/routes.ts';
import { USERS } from '../support/dendrite-server.ts';
import { type Answer, exchange, parseAnswer } from '../support/http-client.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const RUNS = 2_000;
const INTERNALS =
  /\bselect\b.*\bfrom\b|insert into|matrix_admin|userapi_|node_modules|\.(?:ts|js):\d|at \w+ \(|Error:|\/(?:work|home|root|tmp)\//i;

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin({ options: ALL_ROUTES });
});
afterAll(() => plugin.close());

const NASTY = [
  '%00',
  '%0d%0aX: y',
  '%2F',
  '%2e%2e',
  '..',
  '.',
  '//',
  '%',
  '%zz',
  '%E0%A4%A',
  '%F0%9F%92%A9',
  '%ED%A0%80',
  '\\',
  ';',
  '?',
  '#',
  '*',
  '+',
  '~',
  '{{7*7}}',
  '${x}',
  "'%20OR%201=1--",
  '$1',
  ':name',
  '??',
  '__proto__',
  'constructor',
  'null',
  'undefined',
  '-1',
  '1e999',
  '99999999999999999999',
  'x'.repeat(2_000),
  '01234567-89ab-4def-8123-456789abcdef',
  '@a:b',
  '!r:b',
  '\x7f',
];
const nasty = fc.constantFrom(...NASTY);
const piece = fc.oneof(
  { weight: 6, arbitrary: nasty },
  {
    weight: 4,
    arbitrary: fc.string({ unit: 'binary', maxLength: 20 }).map((text) => encodeURIComponent(text.toWellFormed())),
  },
  { weight: 3, arbitrary: fc.stringMatching(/^[!-~]{0,12}$/) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 12 }) },
);

const template = fc.constantFrom(...ROUTES.map(({ path }) => path), ...PREFIXES, '/', '/_dendrite', '*');
const path = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(template, piece).map(([route, id]) => route.replace(/:\w+/g, () => id)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...PREFIXES), fc.array(piece, { maxLength: 4 }))
      .map(([prefix, rest]) => [prefix, ...rest].join('/')),
  },
  { weight: 1, arbitrary: piece.map((text) => `/${text}`) },
  { weight: 1, arbitrary: template.map((route) => `http://elsewhere.example${route}`) },
);
const parameter = fc.tuple(
  fc.constantFrom(
    'limit',
    'from',
    'state',
    'kind',
    'since',
    'until',
    'actor',
    'target',
    'outcome',
    'operation',
    'user_id',
    'access_token',
    '__proto__',
    'x[y]',
  ),
  piece,
);
const query = fc
  .array(parameter, { maxLength: 4 })
  .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map(([key, value]) => `${key}=${value}`).join('&')}`));
const method = fc.constantFrom(
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'M-SEARCH',
  'QUERY',
  'FOO',
);
const REINDEX = '/_dendrite/admin/fulltext/reindex';
const JOBS = '/_dendrite/admin/jobs';
const USER_TOKEN = `Bearer ${USERS.alice.access_token}`;
const ADMIN_TOKEN = `Bearer ${USERS.admin.access_token}`;
const token = fc.oneof(
  { weight: 5, arbitrary: fc.constant(ADMIN_TOKEN) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      `Bearer ${USERS.alice.access_token}`,
      'Bearer',
      'Basic eDp5',
      'bearer x',
      'Bearer  x',
      '',
    ),
  },
  { weight: 1, arbitrary: piece.map((text) => `Bearer ${text}`) },
);
const header = fc.oneof(
  fc.constantFrom(
    'Content-Type: application/json',
    'Content-Type: multipart/form-data; boundary=x',
    'Content-Encoding: gzip',
    'Content-Encoding: \xff',
    'Prefer: respond-async',
    'Prefer: ,,;=',
    'Expect: 100-continue',
    'Upgrade: websocket',
    'Upgrade: h2c',
    'Range: bytes=0-1',
    'If-None-Match: *',
    'Accept: text/html',
    'Accept-Encoding: br',
    'X-Forwarded-For: 1',
    'X-HTTP-Method-Override: DELETE',
    'Origin: null',
    'Access-Control-Request-Method: POST',
    'Cookie: a=b',
    'Authorization: Bearer second',
    'X-Request-Id: \xe9',
  ),
  piece.map((text) => `X-Odd: ${text}`),
);
const JSON_BODY = fc.json({ maxDepth: 6 });
const body = fc.oneof(
  fc.constant(''),
  JSON_BODY,
  JSON_BODY.map((text) => `{"__proto__":${text}}`),
  JSON_BODY.map((text) => text.slice(0, -1)),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text.toWellFormed()).toString('latin1')),
  fc.constantFrom(
    '['.repeat(60_000),
    '{"a":'.repeat(12_000),
    'x'.repeat(70_000),
    '\xff\xfe',
    '\x1f\x8b\x08',
    '{"limit":1e400}',
  ),
);
const framing = fc.constantFrom('length', 'length', 'length', 'chunked', 'none');

function encode(framed: string, content: string): string {
  if (framed === 'none') return '\r\n';
  if (framed === 'length') return `Content-Length: ${content.length}\r\n\r\n${content}`;
  const chunk = content === '' ? '' : `${content.length.toString(16)}\r\n${content}\r\n`;
  return `Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
}

/** Tells whether Node's HTTP parser refused the request. It answers with one of these statuses and without a body. */
const isRefusedByNode = ({ status, text, headers }: Answer): boolean =>
  [400, 408, 413, 417, 431].includes(status) && text === '' && headers['x-request-id'] === undefined;

/** Tells whether a router passes a request target to the plugin. */
function isOurs(target: string): boolean {
  const [pathname = ''] = target.replace('http://elsewhere.example', '').split(/[?#]/);
  return PREFIXES.some((prefix) => pathname === prefix || pathname.startsWith(`${prefix}/`));
}

function expectOurs({ status, headers, text }: Answer, verb: string): void {
  expect(headers['access-control-allow-origin']).toBe('*');
  if (status < 400) return;
  const error = { errcode: expect.stringMatching(/^M_/), error: expect.any(String) };
  expect(headers['content-type']).toBe('application/json');
  expect(verb === 'HEAD' ? text : JSON.parse(text)).toEqual(verb === 'HEAD' ? '' : error);
}

const interim = (text: string): string => text.replace(/^(?:HTTP\/1\.1 100 Continue\r\n\r\n)+/, '');

it(`answers ${RUNS} random and hostile requests without a 5xx and without internal details`, {
  timeout: 180_000,
}, async () => {
  const statuses = new Set<number>();
  let answeredByUs = 0;
  await fc.assert(
    fc.asyncProperty(
      method,
      path,
      query,
      token,
      fc.array(header, { maxLength: 3 }),
      framing,
      body,
      async (verb, target, search, authorization, headers, framed, content) => {
        const head = [
          `${verb} ${target}${search} HTTP/1.1`,
          'Host: x',
          'Connection: close',
          `Authorization: ${authorization}`,
          ...headers,
        ];
        const answer = parseAnswer(
          interim(
            await exchange(plugin.origin, Buffer.from(`${head.join('\r\n')}\r\n${encode(framed, content)}`, 'latin1')),
          ),
        );
        statuses.add(answer.status);
        if (answer.headers['x-request-id'] !== undefined) answeredByUs += 1;
        expect(answer.status).toBeGreaterThanOrEqual(200);
        expect(answer.status).toBeLessThan(500);
        // The texts of the OpenAPI document are public. They have words that are also words of SQL.
        if (!answer.text.startsWith('{"openapi":')) expect(answer.text).not.toMatch(INTERNALS);
        if (isOurs(target) && !isRefusedByNode(answer)) expectOurs(answer, verb);
      },
    ),
    // The first requests cover all kinds of results: accepted, answered and refused. Random requests alone might miss one kind.
    {
      numRuns: RUNS,
      examples: [
        ['POST', REINDEX, '', ADMIN_TOKEN, [], 'length', ''],
        ['GET', JOBS, '', ADMIN_TOKEN, [], 'none', ''],
        ['GET', JOBS, '?limit=x', ADMIN_TOKEN, [], 'none', ''],
        ['GET', JOBS, '', USER_TOKEN, [], 'none', ''],
        ['GET', JOBS, '', 'Bearer nobody', [], 'none', ''],
        ['DELETE', JOBS, '', ADMIN_TOKEN, [], 'none', ''],
        ['GET', `${JOBS}/nothing`, '', ADMIN_TOKEN, [], 'none', ''],
      ],
    },
  );
  // Check that the access check did not refuse all requests.
  for (const status of [200, 202, 400, 401, 403, 404, 405]) expect(statuses).toContain(status);
  expect(answeredByUs).toBeGreaterThan(RUNS / 2);
  expect(plugin.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  expect(plugin.appErrors).toEqual([]);
  await expectIdle();
});

it('still works after hundreds of connections that send nothing, send half a request, or close', {
  timeout: 60_000,
}, async () => {
  const { hostname, port } = new URL(plugin.origin);
  const openings = [
    '',
    'G',
    'POST /_dendrite/admin/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{',
    '\0\0\0',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ];
  await Promise.all(
    Array.from(
      { length: 200 },
      (_, n) =>
        new Promise<void>((resolve) => {
          const socket = connect(Number(port), hostname, () => {
            socket.write(openings[n % openings.length] ?? '', () => socket.destroy());
          });
          socket.on('error', () => {}).on('close', () => resolve());
        }),
    ),
  );
  await expectIdle();
});

/** Checks that all requests were answered and that no transaction is open. */
async function expectIdle(): Promise<void> {
  expect((await plugin.asAdmin('/_dendrite/admin/audit?limit=1')).status).toBe(200);
  await expect.poll(() => plugin.database.pluginDb.client.pool.numUsed(), { timeout: 10_000 }).toBe(0);
}
