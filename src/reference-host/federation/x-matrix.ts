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

/** The content of an `Authorization` header. Nobody has checked the signature yet. */
export interface XMatrix {
  readonly origin: ServerName;
  /** The server that should receive the request. Old servers leave it out. */
  readonly destination: string | undefined;
  readonly keyId: string;
  readonly signature: string;
}

const SCHEME = /^x-matrix +/i;
/** Matches a parameter: a quoted string, or a token. Old servers write colons in tokens. */
const PARAMETER = /\s*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?:,|$)/y;

/**
 * Makes the `Authorization` header of a request.
 * @throws MatrixError the errors of `canonicalJson()` if the body cannot be signed
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
