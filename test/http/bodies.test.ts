import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { koaBody } from 'koa-body';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { USERS } from '../support/dendrite-server.ts';
import { type Answer, exchange, jsonOf, parseAnswer } from '../support/http-client.ts';
import { MOUNTS, type Mount, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const LIMIT = 65_536;
const TYPES = [
  undefined,
  'application/json',
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
  'nonsense',
];
/** The host itself decides what it answers to such a body. The status must only be below 500. */
const NO_SERVER_ERROR = expect.toSatisfy((status: number) => status < 500);
/** Content types matter only if the host parses bodies. Otherwise, two of them are enough. */
const typesOf = ({ parsesBodies }: Mount): typeof TYPES => (parsesBodies ? TYPES : TYPES.slice(0, 2));
const CANCEL = '/_dendrite/admin/jobs/01234567-89ab-4def-8123-456789abcdef/cancel';
/** Returns the error that is expected after the body was read: the job does not exist, or a key is unknown. */
const acceptedAs = (body: string | Uint8Array): object =>
  String(body).includes('"')
    ? { status: 400, errcode: 'M_INVALID_PARAM', error: expect.stringMatching(/^unknown parameter "/) }
    : { status: 404, errcode: 'M_NOT_FOUND' };

const padded = (bytes: number): string => `{"x":"${'a'.repeat(bytes - 8)}"}`;
const nested = (open: string, close: string, levels: number): string =>
  `{"x":${open.repeat(levels)}1${close.repeat(levels)}}`;

const GOOD: readonly [string, string | Uint8Array][] = [
  ['none', ''],
  ['whitespace', ' \r\n\t '],
  ['an empty object', '{}'],
  ['an object', '{"anything":[1,{"a":null}]}'],
  ['a byte order mark', '\ufeff{}'],
  ['text of any language', '{"x":"日本語 🔑"}'],
  ['a NUL and half a surrogate pair', String.raw`{"x":"\u0000\ud83d"}`],
  ['exactly 64 KiB', padded(LIMIT)],
  ['10,000 levels of arrays', nested('[', ']', 10_000)],
  ['10,000 levels of objects', nested('{"x":', '}', 10_000)],
  ['harmless keys', '{"toString":1,"__proto":2,"hasOwnProperty":null}'],
];

const BAD: readonly [string, string | Uint8Array, string][] = [
  ['half an object', '{"a":', 'M_NOT_JSON'],
  ['text', 'hello', 'M_NOT_JSON'],
  ['trailing garbage', '{} x', 'M_NOT_JSON'],
  ['two objects', '{}{}', 'M_NOT_JSON'],
  ['single quotes', "{'a':1}", 'M_NOT_JSON'],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'M_NOT_JSON'],
  ['half a character', Buffer.from('{"a":"é"}').subarray(0, 7), 'M_NOT_JSON'],
  ['UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'M_NOT_JSON'],
  ['a NUL', '\0', 'M_NOT_JSON'],
  ['an array', '[1]', 'M_BAD_JSON'],
  ['an empty array', '[]', 'M_BAD_JSON'],
  ['a string', '"a"', 'M_BAD_JSON'],
  ['a number', '7', 'M_BAD_JSON'],
  ['true', 'true', 'M_BAD_JSON'],
  ['null', 'null', 'M_BAD_JSON'],
  ['__proto__', '{"__proto__":{"isAdmin":true}}', 'M_BAD_JSON'],
  ['an escaped __proto__', String.raw`{"\u005f_proto__":1}`, 'M_BAD_JSON'],
  ['constructor', '{"a":{"constructor":{"prototype":{}}}}', 'M_BAD_JSON'],
  ['prototype in an array', '{"a":[[{"prototype":1}]]}', 'M_BAD_JSON'],
  ['__proto__ below 5,000 levels', `{"x":${'['.repeat(5_000)}{"__proto__":1}${']'.repeat(5_000)}}`, 'M_BAD_JSON'],
];

describe.each(MOUNTS)('bodies $name', (mount) => {
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({ mount });
  });
  afterAll(() => plugin.close());

  const post = (body: string | Uint8Array, headers: Record<string, string> = {}, chunked = false): Promise<Answer> =>
    plugin.asAdmin(CANCEL, { method: 'POST', body, headers, chunked });

  /**
   * Tells whether the host reads a body of this type. Such a host answers malformed bodies before the plugin sees the request.
   */
  const readByHost = (type: string | undefined): boolean =>
    mount.parsesBodies && ['application/json', 'text/plain', 'application/x-www-form-urlencoded'].includes(type ?? '');

  function expectAnswer(answer: Answer, type: string | undefined, wanted: object): void {
    const ours = readByHost(type) ? {} : jsonOf(answer);
    const expected = readByHost(type) ? { status: NO_SERVER_ERROR } : wanted;
    expect({ ...ours, status: answer.status }).toMatchObject(expected);
  }

  describe.each(typesOf(mount))('of content type %s', (type) => {
    const headers = type === undefined ? {} : { 'Content-Type': type };

    it.each(GOOD)('accepts %s', async (_title, body) => {
      for (const chunked of [false, true]) {
        const answer = await post(body, headers, chunked);
        expectAnswer(answer, type, acceptedAs(body));
      }
    });

    it.each(BAD)('refuses %s', async (_title, body, errcode) => {
      const answer = await post(body, headers);
      expectAnswer(answer, type, { status: 400, errcode, error: expect.stringMatching(/^The request body /) });
    });

    it('refuses 64 KiB plus one byte, with or without Content-Length', async () => {
      for (const chunked of [false, true]) {
        const answer = await post(padded(LIMIT + 1), headers, chunked);
        // If the host parses the body, the body is small enough for the host, and the plugin refuses it.
        expectAnswer(answer, type, { status: 413, errcode: 'M_TOO_LARGE' });
      }
    });
  });

  it('accepts an object that the host has already parsed', async () => {
    for (const type of ['application/json', 'text/plain']) {
      const named = jsonOf(await post('{"__proto":1}', { 'Content-Type': type }));
      expect(named).toMatchObject({ errcode: 'M_INVALID_PARAM', error: expect.stringContaining('"__proto"') });
      expect((await post('{}', { 'Content-Type': type })).status).toBe(404);
      expect((await post('[1]', { 'Content-Type': type })).status).toBe(400);
    }
  });

  it('refuses compressed bodies, unless the host decompresses them', async () => {
    const answer = await post(gzipSync('{}'), { 'Content-Encoding': 'gzip', 'Content-Type': 'application/json' });
    expect(answer.status).toBe(mount.parsesBodies ? 404 : 415);
    const bomb = await post(gzipSync(Buffer.alloc(50_000_000, ' ')), { 'Content-Encoding': 'gzip' });
    expect(bomb.status).toBe(415);
    expect(jsonOf(bomb).errcode).toBe('M_NOT_JSON');
  });

  it('answers on the same connection after a body that was too large', async () => {
    const head = `POST ${mount.prefix}${CANCEL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${USERS.admin.access_token}\r\n`;
    const large = padded(LIMIT + 1);
    const text = await exchange(
      plugin.origin,
      `${head}Content-Length: ${large.length}\r\n\r\n${large}${head}Content-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 404']);
  });

  it('does not wait for a body before it refuses the caller', async () => {
    if (mount.parsesBodies) return;
    const answer = await exchange(
      plugin.origin,
      `POST ${CANCEL.replace(/^/, mount.prefix)} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n{"a`,
    );
    expect(parseAnswer(answer).status).toBe(401);
  });

  it('survives connections that are cut in the middle of a body', async () => {
    const { hostname, port } = new URL(plugin.origin);
    for (const length of ['Content-Length: 1000', 'Transfer-Encoding: chunked']) {
      const closed = new Promise((resolve) => {
        const socket = connect(Number(port), hostname, () => {
          const head = `POST ${mount.prefix}${CANCEL} HTTP/1.1\r\nHost: x\r\n${length}\r\n`;
          socket.write(`${head}Authorization: Bearer ${USERS.admin.access_token}\r\n\r\n`, () =>
            socket.resetAndDestroy(),
          );
        });
        socket.on('close', resolve);
        socket.on('error', () => {});
      });
      await closed;
    }
    expect((await post('{}')).status).toBe(404);
    expect(plugin.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('cannot pollute prototypes', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
  });
});

describe("bodies behind the host's body parser that keeps their text", () => {
  const mount: Mount = {
    name: '',
    prefix: '',
    parsesBodies: true,
    use: (app, admin) => {
      app.use(
        koaBody({ includeUnparsed: true, jsonStrict: false, formLimit: '1mb', textLimit: '1mb', onError: () => {} }),
      );
      app.use(admin.router.routes());
    },
  };
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({ mount });
  });
  afterAll(() => plugin.close());

  describe.each(TYPES)('of content type %s', (type) => {
    const post = (body: string | Uint8Array, chunked: boolean): Promise<Answer> =>
      plugin.asAdmin(CANCEL, {
        method: 'POST',
        body,
        chunked,
        headers: type === undefined ? {} : { 'Content-Type': type },
      });

    it.each(['', '{}', '{"a":"b=c&d"}', padded(LIMIT)])('are accepted like any other: %#', async (body) => {
      for (const chunked of [false, true])
        expect((await post(body, chunked)).status).toBe(body.includes('"') ? 400 : 404);
    });

    it.each(['[1]', '"a"', '{} x', '{"__proto__":1}'])('are refused like any other: %s', async (body) => {
      for (const chunked of [false, true]) {
        const answer = await post(body, chunked);
        expect(answer.status).toBe(400);
        expect(jsonOf(answer).errcode).toMatch(/^M_(?:NOT|BAD)_JSON$/);
      }
    });

    it('are refused when they are too large', async () => {
      for (const chunked of [false, true]) expect((await post(padded(LIMIT + 1), chunked)).status).toBe(413);
    });
  });
});

describe("bodies behind the host's body parser that gives up without an error", () => {
  it('are read or refused, and not waited for', async () => {
    const plugin = await mountPlugin({
      mount: {
        name: '',
        prefix: '',
        parsesBodies: true,
        use: (app, admin) => {
          app.use(koaBody({ jsonLimit: '1kb', onError: () => {} })).use(admin.router.routes());
        },
      },
    });
    const headers = { 'Content-Type': 'application/json' };
    const post = (body: string, chunked: boolean): Promise<Answer> =>
      plugin.asAdmin(CANCEL, { method: 'POST', body, chunked, headers });
    const expectAnswer = (answer: Answer, wanted: object): void =>
      expect({ ...jsonOf(answer), status: answer.status }).toMatchObject(wanted);
    // The parser refuses this body because of its Content-Length. It has read nothing, so the plugin can read the body.
    expectAnswer(await post(padded(2_000), false), acceptedAs(padded(2_000)));
    for (const answer of [
      await post(padded(2_000), true),
      await post('{"broken', false),
      await post('{"broken', true),
    ]) {
      expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_NOT_JSON']);
    }
    await plugin.close();
  });
});
