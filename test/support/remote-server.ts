import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { SigningKey } from '../../src/host.ts';
import { isServerName, type ServerName } from '../../src/ids.ts';
import { canonicalJson } from '../../src/matrix/canonical-json.ts';
import { unpaddedBase64 } from '../../src/matrix/event-hash.ts';
import { type EventJson, roomVersionOf } from '../../src/matrix/room-version.ts';
import { signJson, type VerifyKey } from '../../src/matrix/sign-json.ts';
import { createCertificate } from '../../src/reference-host/federation/certificate.ts';
import { type KeysOf, type RemoteRoom, stateNameOf } from './remote-room.ts';

/** Faults that a server can have instead of answering normally. */
export type Fault =
  | { readonly kind: 'silent' }
  | { readonly kind: 'reset' }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Record<string, string>;
    }
  /** A JSON answer of unlimited size. */
  | { readonly kind: 'huge' };

export interface ReceivedTransaction {
  readonly txnId: string;
  readonly origin: string;
  readonly pdus: readonly EventJson[];
  readonly edus: readonly EventJson[];
  /** Errors of events, by event id. */
  readonly errors: Readonly<Record<string, string>>;
  readonly at: number;
}

type Json = Record<string, unknown>;
type Handler = (
  parameters: readonly string[],
  request: { origin: string; query: URLSearchParams; body: Json },
) => unknown;

class Refusal extends Error {
  readonly status: number;
  readonly errcode: string;
  constructor(status: number, errcode: string, message: string) {
    super(message);
    this.status = status;
    this.errcode = errcode;
  }
}

/** A remote homeserver with its own TLS, keys and rooms. It checks everything that it receives. */
export class RemoteServer {
  readonly rooms = new Map<string, RemoteRoom>();
  /** Transactions that were correctly signed. Repeated transactions are not in the list. */
  readonly transactions: ReceivedTransaction[] = [];
  /** Ids of transactions that were received again. */
  readonly repeated: string[] = [];
  /** All requests, whatever their results are. */
  readonly requests: { readonly method: string; readonly path: string; readonly at: number }[] = [];
  /** Errors of requests that the server has refused. */
  readonly refused: string[] = [];
  readonly left: { readonly roomId: string; readonly event: EventJson; readonly error?: string }[] = [];
  /** Answers to `user/devices`, by user id. */
  readonly devices = new Map<string, Json>();
  fault: ((method: string, path: string) => Fault | undefined) | undefined;
  readonly key: SigningKey;
  readonly name: ServerName;
  /** The largest number of transactions that were received at the same time. */
  mostAtOnce = 0;
  #atOnce = 0;
  readonly #server: Server;
  readonly #port: number;
  readonly #sockets = new Set<TLSSocket>();
  readonly #keysOf: KeysOf;

  private constructor(server: Server, keysOf: KeysOf) {
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    const name = `localhost:${this.#port}`;
    if (!isServerName(name)) throw new Error('no name');
    this.name = name;
    this.key = { serverName: name, keyId: 'ed25519:remote', privateKey: generateKeyPairSync('ed25519').privateKey };
    this.#keysOf = async (serverName) => (serverName === name ? [this.verifyKey] : keysOf(serverName));
    server.on('request', (request, response) => void this.#handle(request, response));
    server.on('secureConnection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** Starts the server. @param keysOf finds the keys of other servers */
  static async start(keysOf: KeysOf): Promise<RemoteServer> {
    const server = createServer(await createCertificate('localhost' as ServerName));
    await listen(server, 0);
    return new RemoteServer(server, keysOf);
  }

  get verifyKey(): VerifyKey {
    const { serverName, keyId, privateKey } = this.key;
    return { serverName, keyId, publicKey: createPublicKey(privateKey) };
  }

  get pdus(): EventJson[] {
    return this.transactions.flatMap(({ pdus }) => pdus);
  }

  get edus(): EventJson[] {
    return this.transactions.flatMap(({ edus }) => edus);
  }

  /** Stops listening and cuts all connections. */
  async down(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async up(): Promise<void> {
    await listen(this.#server, this.#port);
  }

  async stop(): Promise<void> {
    if (this.#server.listening) await this.down();
  }

  readonly #routes: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
    ['PUT', /^\/_matrix\/federation\/v1\/send\/([^/]+)$/, (parameters, request) => this.#send(parameters, request)],
    [
      'GET',
      /^\/_matrix\/federation\/v1\/make_leave\/([^/]+)\/([^/]+)$/,
      ([roomId = '', userId = '']) => this.#makeLeave(roomId, userId),
    ],
    [
      'PUT',
      /^\/_matrix\/federation\/v2\/send_leave\/([^/]+)\/([^/]+)$/,
      ([roomId = ''], { body }) => this.#sendLeave(roomId, body),
    ],
    [
      'GET',
      /^\/_matrix\/federation\/v1\/user\/devices\/([^/]+)$/,
      ([userId = '']) => this.devices.get(userId) ?? notFound(),
    ],
    [
      'GET',
      /^\/_matrix\/federation\/v1\/state\/([^/]+)$/,
      ([roomId = '']) => ({
        pdus: [...this.#room(roomId).state.values()],
        auth_chain: [...this.#room(roomId).state.values()],
      }),
    ],
  ];

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    this.requests.push({ method, path: url, at: Date.now() });
    const answer = (status: number, body: string, more: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...more }).end(body);
    };
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const fault = this.fault?.(method, url);
    if (fault?.kind === 'silent') return;
    if (fault?.kind === 'reset') return void request.socket.destroy();
    if (fault?.kind === 'answer') return answer(fault.status, fault.body, fault.headers);
    if (fault?.kind === 'huge') return endless(response);
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    try {
      answer(200, JSON.stringify(await this.#answer(request, Buffer.concat(chunks).toString('utf8'))));
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'M_UNKNOWN', String(error));
      this.refused.push(`${method} ${url}: ${refusal.message}`);
      answer(refusal.status, JSON.stringify({ errcode: refusal.errcode, error: refusal.message }));
    } finally {
      this.#atOnce -= 1;
    }
  }

  async #answer(request: IncomingMessage, text: string): Promise<unknown> {
    const { method = '', url = '' } = request;
    const { pathname, searchParams: query } = new URL(url, 'https://localhost');
    if (pathname === '/_matrix/key/v2/server') return this.#publishedKeys();
    const body = text === '' ? undefined : (JSON.parse(text) as Json);
    const origin = await this.#authenticate(request, body);
    for (const [wanted, path, handler] of this.#routes) {
      const match = method === wanted ? path.exec(pathname) : null;
      if (match) return handler(match.slice(1).map(decodeURIComponent), { origin, query, body: body ?? {} });
    }
    throw new Refusal(404, 'M_UNRECOGNIZED', 'Unrecognized request');
  }

  #publishedKeys(): Json {
    const { keyId, publicKey } = this.verifyKey;
    const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const keys = {
      server_name: this.name,
      valid_until_ts: Date.now() + 3_600_000,
      verify_keys: { [keyId]: { key: unpaddedBase64(key) } },
      old_verify_keys: {},
    };
    return signJson(keys, this.key);
  }

  /** Checks the signature of a request. It implements the specification independently of the code under test. */
  async #authenticate({ method, url, headers }: IncomingMessage, content: Json | undefined): Promise<string> {
    const header = headers.authorization ?? '';
    const fields = Object.fromEntries([...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    const { origin = '', destination, key: keyId, sig = '' } = fields;
    if (!header.startsWith('X-Matrix ') || destination !== this.name) {
      throw new Refusal(401, 'M_FORBIDDEN', `not for ${this.name}: ${header}`);
    }
    const key = (await this.#keysOf(origin)).find((candidate) => candidate.keyId === keyId);
    const signed = canonicalJson({ method, uri: url, origin, destination, ...(content !== undefined && { content }) });
    if (key === undefined || !verify(null, Buffer.from(signed), key.publicKey, Buffer.from(sig, 'base64'))) {
      throw new Refusal(401, 'M_FORBIDDEN', `the signature of ${origin} is wrong`);
    }
    return origin;
  }

  async #send([txnId = '']: readonly string[], { origin, body }: Parameters<Handler>[1]): Promise<Json> {
    const [pdus, edus] = [body['pdus'], body['edus']] as [EventJson[] | undefined, EventJson[] | undefined];
    if (body['origin'] !== origin || !Array.isArray(pdus) || pdus.length > 50 || (edus?.length ?? 0) > 100) {
      throw new Refusal(400, 'M_BAD_JSON', 'the transaction is malformed');
    }
    const before = this.transactions.find((transaction) => transaction.txnId === txnId);
    if (before !== undefined) {
      this.repeated.push(txnId);
      return { pdus: {} };
    }
    const errors: Record<string, string> = {};
    const answers: Record<string, Json> = {};
    for (const pdu of pdus) {
      const room = this.rooms.get(String(pdu['room_id']));
      const { eventId, error } = (await room?.receive(pdu, this.#keysOf)) ?? { eventId: '', error: 'unknown room' };
      answers[eventId] = error === undefined ? {} : { error };
      if (error !== undefined) errors[eventId] = error;
    }
    this.transactions.push({ txnId, origin, pdus, edus: edus ?? [], errors, at: Date.now() });
    return { pdus: answers };
  }

  #room(roomId: string): RemoteRoom {
    return this.rooms.get(roomId) ?? notFound();
  }

  #makeLeave(roomId: string, userId: string): Json {
    const room = this.#room(roomId);
    const version = roomVersionOf(room.version);
    const member = room.state.get(`m.room.member\0${userId}`);
    if (member === undefined) throw new Refusal(403, 'M_FORBIDDEN', 'the user is not in the room');
    const keys = [
      ['m.room.power_levels', ''],
      ['m.room.member', userId],
    ] as const;
    const create = version.privilegedCreators ? [] : [['m.room.create', ''] as const];
    const wanted = new Set([...create, ...keys].map((key) => key.join('\0')));
    const ids = (matches: (id: string, event: EventJson) => boolean): string[] =>
      [...room.events].filter(([id, event]) => matches(id, event)).map(([id]) => id);
    const authEvents = ids((_, event) => {
      const name = stateNameOf(event);
      return wanted.has(name) && room.state.get(name) === event;
    });
    const prevEvents = [...room.extremities];
    const depth = Math.max(...prevEvents.map((id) => Number(room.events.get(id)?.['depth']))) + 1;
    const references = (eventIds: string[]): unknown[] =>
      version.eventIds === 'random' ? eventIds.map((id) => [id, { sha256: '' }]) : eventIds;
    const event = {
      room_id: roomId,
      type: 'm.room.member',
      sender: userId,
      state_key: userId,
      content: { membership: 'leave' },
      depth,
      auth_events: references(authEvents),
      prev_events: references(prevEvents),
      origin_server_ts: Date.now(),
    };
    return { room_version: room.version, event };
  }

  async #sendLeave(roomId: string, event: EventJson): Promise<Json> {
    const { error } = await this.#room(roomId).receive(event, this.#keysOf);
    this.left.push({ roomId, event, ...(error !== undefined && { error }) });
    if (error !== undefined) throw new Refusal(403, 'M_FORBIDDEN', error);
    return {};
  }
}

function notFound(): never {
  throw new Refusal(404, 'M_NOT_FOUND', 'there is none');
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
}

function endless(response: ServerResponse): void {
  const chunk = ' '.repeat(65_536);
  response.writeHead(200, { 'content-type': 'application/json' });
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}
