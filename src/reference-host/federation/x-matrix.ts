import { isServerName, type ServerName, type SigningKey } from '../../index.ts';
import { signatureOf } from '../../matrix/index.ts';

/** The signed parts of a request between servers. Source: Server-Server API, "Request Authentication". */
export interface SignedRequest {
  readonly method: string;
  /** Path and query, percent-encoded as in the request. */
  readonly uri: string;
  readonly origin: ServerName;
  readonly destination: ServerName;
  /** The body. Absent if the request has no body. */
  readonly content?: Readonly<Record<string, unknown>>;
}

/** The content of an `Authorization` header. The signature is not checked yet. */
export interface XMatrix {
  readonly origin: ServerName;
  /** The server for which the request is meant. `undefined` if the header does not name it, as in requests of old servers. */
  readonly destination: string | undefined;
  readonly keyId: string;
  readonly signature: string;
}

const SCHEME = /^x-matrix +/i;
/**
 * Matches one parameter, such as `key="ed25519:1"`. The value is in quotes or not. A value without quotes may contain colons
 * here, because old servers do not quote such values.
 */
const PARAMETER = /\s*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?:,|$)/y;

/**
 * Makes the `Authorization` header of a request.
 * @throws MatrixError if the request's body cannot be written as canonical JSON
 */
export function authorizationOf(request: SignedRequest, key: SigningKey): string {
  const { origin, destination } = request;
  const signature = signatureOf({ ...request }, key);
  return `X-Matrix origin="${origin}",destination="${destination}",key="${key.keyId}",sig="${signature}"`;
}

/** Reads the parts of an `Authorization` header. Returns `undefined` if the header is malformed or has another scheme. */
export function parseAuthorization(header: string): XMatrix | undefined {
  if (!SCHEME.test(header)) return undefined;
  const text = header.replace(SCHEME, '');
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = 0;
  for (let at = 0; at < text.length; at = PARAMETER.lastIndex) {
    const [, name, quoted, token] = PARAMETER.exec(text) ?? [];
    if (name === undefined) return undefined;
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token ?? '');
  }
  const [origin, keyId, signature] = ['origin', 'key', 'sig'].map((name) => parameters.get(name));
  if (origin === undefined || !isServerName(origin) || !keyId || !signature) return undefined;
  return { origin, destination: parameters.get('destination'), keyId, signature };
}
