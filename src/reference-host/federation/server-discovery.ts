import { FederationError, type ServerName } from '../../index.ts';
import type { HttpsAnswer, SendHttps } from './https-request.ts';
import { addressOf, delegatedName, isExplicit, type ServerAddress } from './server-address.ts';

/** Finds the address of a server by its name. */
export type Discover = (serverName: ServerName, signal: AbortSignal) => Promise<ServerAddress>;

/** The result of a `.well-known` request. */
interface Delegation {
  /** The server name in the answer. `undefined` if there was no valid answer. */
  readonly to: ServerName | undefined;
  /** The time until which the cache keeps this result, in ms since the epoch. */
  readonly until: number;
}

const PATH = '/.well-known/matrix/server';
const MAX_BYTES = 51_200;
const LIMIT_MS = 10_000;
const MAX_REDIRECTS = 5;
const HOUR_MS = 3_600_000;
/**
 * The next three constants say how long the cache keeps a delegation: 24 hours by default, and at most 48 hours. If the other
 * server gave no valid answer, the cache keeps this result for ten minutes; the specification allows one hour. Source:
 * Server-Server API, "Resolving server names".
 */
const DEFAULT_CACHE_MS = 24 * HOUR_MS;
const MAX_CACHE_MS = 48 * HOUR_MS;
const FAILURE_CACHE_MS = HOUR_MS / 6;
/** Maximum number of names in the cache. */
const MAX_CACHED = 10_000;

/**
 * Creates the function that finds the address of a server. The address comes from the server name if this name is an IP address
 * or has a port. Otherwise it comes from `.well-known`, or from the server name if `.well-known` has no valid answer. The
 * default port is 8448. The function does not support SRV records. Source: Server-Server API, "Resolving server names".
 * @param wellKnownPort port for `.well-known` requests @defaultValue 443
 */
export function createDiscovery(send: SendHttps, wellKnownPort = 443): Discover {
  const cache = new Map<ServerName, Delegation>();

  const ask = async (serverName: ServerName, signal: AbortSignal): Promise<Delegation> => {
    const url = new URL(`https://${serverName}:${wellKnownPort}${PATH}`);
    const answer = await follow(send, url, signal);
    const to = answer?.status === 200 ? delegatedName(answer.body) : undefined;
    const keptMs = to === undefined || answer === undefined ? FAILURE_CACHE_MS : cacheMs(answer);
    return { to, until: Date.now() + keptMs };
  };

  return async (serverName, signal) => {
    if (isExplicit(serverName)) return addressOf(serverName);
    let delegation = cache.get(serverName);
    if (delegation === undefined || delegation.until <= Date.now()) {
      delegation = await ask(serverName, signal);
      if (cache.size >= MAX_CACHED) cache.clear();
      cache.set(serverName, delegation);
    }
    return addressOf(delegation.to ?? serverName);
  };
}

function cacheMs({ headers }: HttpsAnswer): number {
  const [, seconds] = /\bmax-age=(\d+)/.exec(headers['cache-control'] ?? '') ?? [];
  return seconds === undefined ? DEFAULT_CACHE_MS : Math.min(Number(seconds) * 1000, MAX_CACHE_MS);
}

/**
 * Sends a request, follows up to five redirects, and returns the last answer. Returns `undefined` if a server does not answer,
 * if a redirect does not lead to an `https:` URL, or if there are more redirects.
 */
async function follow(send: SendHttps, start: URL, signal: AbortSignal): Promise<HttpsAnswer | undefined> {
  let url: URL | null = start;
  for (let redirects = 0; url?.protocol === 'https:' && redirects <= MAX_REDIRECTS; redirects += 1) {
    const answer = await get(send, url, signal);
    if (answer === undefined || answer.status < 300 || answer.status >= 400) return answer;
    const location = answer.headers.location ?? '';
    url = URL.canParse(location, url.href) ? new URL(location, url.href) : null;
  }
  return undefined;
}

async function get(send: SendHttps, url: URL, signal: AbortSignal): Promise<HttpsAnswer | undefined> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const servername = host === url.hostname && !/^[\d.]+$/.test(host) ? host : '';
  const address = { host, port: Number(url.port || 443), servername, hostHeader: url.host };
  const options = { signal, limitMs: LIMIT_MS, maxBytes: MAX_BYTES };
  try {
    return await send({ address, method: 'GET', path: url.pathname + url.search }, options);
  } catch (error) {
    if (error instanceof FederationError) return undefined;
    throw error;
  }
}
