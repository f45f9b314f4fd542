import { isIP } from 'node:net';
import { isServerName, type ServerName } from '../../index.ts';

/** The address of a server, and the names that requests to the server use. */
export interface ServerAddress {
  /** A host name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The name that the TLS certificate must contain. Empty if the host is an IP address. */
  readonly servername: string;
  readonly hostHeader: string;
}

const DEFAULT_PORT = 8448;

/**
 * Tells whether a server name is an IP address or has a port. Such a name already contains the address, so `.well-known` is not
 * requested.
 */
export function isExplicit(serverName: ServerName): boolean {
  return /:\d+$/.test(serverName) || isIP(serverName.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/**
 * Returns the address that a server name contains. Uses port 8448 if the name has no port. Source: Server-Server API,
 * "Resolving server names".
 */
export function addressOf(serverName: ServerName): ServerAddress {
  const [, name = '', port] = /^(.*?)(?::(\d+))?$/.exec(serverName) ?? [];
  const bracketed = /^\[(.*)\]$/.exec(serverName.endsWith(']') ? serverName : name)?.[1];
  const host = bracketed ?? name;
  return {
    host,
    port: port === undefined || serverName.endsWith(']') ? DEFAULT_PORT : Number(port),
    servername: isIP(host) === 0 ? host : '',
    hostHeader: serverName,
  };
}

/** Returns `m.server` of a `.well-known` answer, or `undefined` if the answer has no valid `m.server`. */
export function delegatedName(body: Buffer): ServerName | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    const name = typeof parsed === 'object' && parsed !== null && 'm.server' in parsed ? parsed['m.server'] : undefined;
    return typeof name === 'string' && isServerName(name) ? name : undefined;
  } catch {
    return undefined;
  }
}
