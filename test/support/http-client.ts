import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { openApiProblem } from './openapi-check.ts';
import { recordExchange } from './test-output.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  /** Whether the body is sent without a Content-Length. */
  readonly chunked?: boolean;
  /** How long the server may send no data, in ms. @defaultValue 15000 */
  readonly limitMs?: number;
}

const LIMIT_MS = 15_000;

/** Sends a request over a connection of its own. Unlike `fetch`, it does not change the path or the method. */
export function request(origin: string, path: string, options: RequestOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, chunked = false, limitMs = LIMIT_MS } = options;
  const { hostname, port } = new URL(origin);
  const length: OutgoingHttpHeaders =
    body === undefined
      ? {}
      : chunked
        ? { 'Transfer-Encoding': 'chunked' }
        : { 'Content-Length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { hostname, port, path, method, agent: false, headers: { ...length, ...headers }, timeout: limitMs },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          const text = Buffer.concat(chunks).toString('utf8');
          const authorization = String(headers['authorization'] ?? headers['Authorization'] ?? '');
          recordExchange({ path, authorization, body }, { status, text });
          const { headers: answered } = response;
          const problem = openApiProblem({ method, path, body, status, headers: answered, text });
          if (problem === undefined) resolve({ status, headers: answered, text });
          else reject(new Error(problem));
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer in ${limitMs} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Returns the parsed body of an answer. */
export function jsonOf(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.text) as Record<string, unknown>;
}

/**
 * Sends bytes unchanged, and returns everything that the server sends until it closes the connection. The bytes should contain
 * a request to close the connection.
 */
export function exchange(origin: string, bytes: string | Uint8Array): Promise<string> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`no end of the answer in ${LIMIT_MS} ms`)));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error) => (chunks.length > 0 && !/no end/.test(error.message) ? undefined : reject(error)));
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

/** Parses the result of `exchange()` as one HTTP/1.1 answer. */
export function parseAnswer(text: string): Answer {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? 0), headers, text: rest.join('\r\n\r\n') };
}
