import { FederationError, type ServerName, type SigningKey } from '../../index.ts';
import { canonicalJson, isRecord } from '../../matrix/index.ts';
import type { HttpsAnswer, SendHttps } from './https-request.ts';
import type { Discover } from './server-discovery.ts';
import { authorizationOf } from './x-matrix.ts';

export interface FederationQuestion {
  readonly origin: ServerName;
  readonly destination: ServerName;
  readonly method: 'GET' | 'PUT';
  /** Path and query, percent-encoded. */
  readonly uri: string;
  readonly content?: Readonly<Record<string, unknown>>;
  /** Whether to sign the request. Requests for keys need no signature. @defaultValue true */
  readonly signed?: boolean;
}

export interface FederationClientOptions {
  readonly signal: AbortSignal;
  /**
   * Time limit for the request and its answer, in ms. The limit does not include the time to find the server's address.
   * @defaultValue 60,000
   */
  readonly limitMs?: number;
  /** Maximum size of the answer, in bytes. @defaultValue 1 MiB */
  readonly maxBytes?: number;
}

/**
 * Sends a request to another server, and returns the parsed JSON of the answer.
 * @throws FederationError if the server cannot be reached, if its status is not 2xx, or if its answer is not JSON
 * @throws MatrixError if the content cannot be written as canonical JSON
 * @throws the reason of `signal` if the signal is aborted
 */
export type AskServer = (question: FederationQuestion, options: FederationClientOptions) => Promise<unknown>;

export interface FederationClientSettings {
  readonly send: SendHttps;
  readonly discover: Discover;
  /** One key for each local server name. */
  readonly signingKeys: readonly SigningKey[];
}

const LIMIT_MS = 60_000;
const MAX_BYTES = 1_048_576;
const ERRCODE = /^[A-Za-z][\w.]{0,63}$/;

export function createFederationClient({ send, discover, signingKeys }: FederationClientSettings): AskServer {
  return async (question, { signal, limitMs = LIMIT_MS, maxBytes = MAX_BYTES }) => {
    const { origin, destination, method, uri, content, signed = true } = question;
    const key = signingKeys.find(({ serverName }) => serverName === origin);
    if (key === undefined) throw new Error(`there is no signing key for ${origin}`);
    const request = { origin, destination, method, uri, ...(content !== undefined && { content }) };
    const authorization = signed ? authorizationOf(request, key) : undefined;
    const body = content === undefined ? undefined : canonicalJson(content);
    const address = await discover(destination, signal);
    const answer = await send(
      {
        address,
        method,
        path: uri,
        headers: {
          accept: 'application/json',
          ...(authorization !== undefined && { authorization }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body }),
      },
      { signal, limitMs, maxBytes },
    );
    return readAnswer(destination, answer);
  };
}

function readAnswer(destination: ServerName, { status, body }: HttpsAnswer): unknown {
  const answer = parse(body);
  if (status < 200 || status >= 300) {
    const errcode = isRecord(answer) && typeof answer.errcode === 'string' ? answer.errcode : '';
    const known = ERRCODE.test(errcode) ? errcode : undefined;
    throw new FederationError('refused', [`${destination} refused with ${status}`, known].filter(Boolean).join(' '), {
      status,
      ...(known !== undefined && { errcode: known }),
    });
  }
  if (answer !== undefined) return answer;
  throw new FederationError('bad_answer', `${destination} returned an answer without JSON`);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
