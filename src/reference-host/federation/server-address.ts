import { isIP } from 'node:net';
import { isServerName, type ServerName } from '../../ids.ts';

/** Where a server is, and what it calls itself there. */
export interface ServerAddress {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** For the TLS certificate; empty for addresses, which are no names. */
  readonly servername: string;
  readonly hostHeader: string;
}

const DEFAULT_PORT = 8448;

/** Whether a server name says where the server is, so that nobody has to be asked: it is an address, or has a port. */
export function isExplicit(serverName: ServerName): boolean {
  return /:\d+$/.test(serverName) || isIP(serverName.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** The address that a server name spells out. Server-Server API, "Resolving server names". */
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

/** `m.server` of a `.well-known` answer; `undefined` where it has none. */
export function delegatedName(body: Buffer): ServerName | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    const name = typeof parsed === 'object' && parsed !== null && 'm.server' in parsed ? parsed['m.server'] : undefined;
    return typeof name === 'string' && isServerName(name) ? name : undefined;
  } catch {
    return undefined;
  }
}
