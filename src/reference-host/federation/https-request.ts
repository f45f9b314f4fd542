import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { describeError, withTimeLimit } from '../../homeserver/index.ts';
import { FederationError } from '../../index.ts';
import { guardedLookup, isForbiddenAddress } from './guarded-lookup.ts';
import type { ServerAddress } from './server-address.ts';

export interface HttpsSettings {
  /** Whether to allow connections to addresses outside the public internet. */
  readonly allowPrivate: boolean;
  /** Whether to refuse servers without a valid TLS certificate. */
  readonly verifyTls: boolean;
}

export interface HttpsRequest {
  readonly address: ServerAddress;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpsOptions {
  readonly signal: AbortSignal;
  /** Time limit for the request and its answer, in ms. */
  readonly limitMs: number;
  /** Maximum size of the answer's body, in bytes. */
  readonly maxBytes: number;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Sends an HTTPS request to another server.
 * @throws FederationError `unreachable` if there is no answer or the address is not allowed, `bad_answer` if the answer's body
 * is too large
 * @throws the reason of `signal` if the signal is aborted
 */
export type SendHttps = (request: HttpsRequest, options: HttpsOptions) => Promise<HttpsAnswer>;

/**
 * Creates the function that sends requests. Each request has its own connection, because the homeserver rarely sends two
 * requests in a row to the same server.
 */
export function createHttps({ allowPrivate, verifyTls }: HttpsSettings): SendHttps {
  const agent = new Agent({ keepAlive: false, rejectUnauthorized: verifyTls });
  const lookup = guardedLookup(allowPrivate);

  return async ({ address, method, path, headers, body }, { signal, limitMs, maxBytes }) => {
    const { host, port, servername, hostHeader } = address;
    if (isForbiddenAddress(host, allowPrivate)) {
      throw new FederationError('unreachable', `${hostHeader} has no public address`);
    }
    signal.throwIfAborted();
    const limited = withTimeLimit(signal, limitMs);
    try {
      return await new Promise<HttpsAnswer>((resolve, reject) => {
        const outgoing = request(
          {
            agent,
            lookup,
            host,
            port,
            servername,
            method,
            path,
            headers: {
              ...headers,
              host: hostHeader,
              ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
            },
            signal: limited,
          },
          (incoming) => {
            const chunks: Buffer[] = [];
            let bytes = 0;
            incoming.on('data', (chunk: Buffer) => {
              bytes += chunk.length;
              chunks.push(chunk);
              if (bytes <= maxBytes) return;
              reject(new FederationError('bad_answer', `the answer of ${hostHeader} is over ${maxBytes} bytes`));
              incoming.destroy();
            });
            incoming.on('error', reject);
            incoming.on('end', () => {
              resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) });
            });
          },
        );
        outgoing.on('error', reject);
        outgoing.end(body);
      });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FederationError) throw error;
      const why = limited.aborted ? `gave no answer within ${limitMs} ms` : `can't be reached: ${describeError(error)}`;
      throw new FederationError('unreachable', `${hostHeader} ${why}`, { cause: error });
    }
  };
}
