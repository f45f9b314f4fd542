import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Whether an address is one of the public internet: not private, loopback, link-local, or otherwise special. */
export function isPublicAddress(address: string): boolean {
  return ipaddr.process(address).range() === 'unicast';
}

/** Whether a host is an address that may not be connected to. Names are looked at when they are resolved. */
export function isForbiddenAddress(host: string, allowPrivate: boolean): boolean {
  return !allowPrivate && isIP(host) !== 0 && !isPublicAddress(host);
}

/**
 * Resolves names to those of their addresses that may be connected to. The connection goes to what this returns, so a name
 * that resolves to something else a moment later gains nothing. Addresses themselves never come here: see
 * `isForbiddenAddress()`.
 */
export function guardedLookup(allowPrivate: boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found: readonly LookupAddress[] | undefined) => {
      const allowed = (found ?? []).filter(({ address }) => allowPrivate || isPublicAddress(address));
      const [first] = allowed;
      if (error || first === undefined) {
        callback(error ?? new Error('the name has no public address'), '', 0);
      } else if (options.all) {
        callback(null, allowed);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}
