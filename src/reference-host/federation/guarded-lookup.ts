import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Whether an address belongs to the public internet: not private, loopback, link-local or otherwise special. */
export function isPublicAddress(address: string): boolean {
  return ipaddr.process(address).range() === 'unicast';
}

/** Whether a host is an IP address to which connections are forbidden. Names are checked when they are resolved. */
export function isForbiddenAddress(host: string, allowPrivate: boolean): boolean {
  return !allowPrivate && isIP(host) !== 0 && !isPublicAddress(host);
}

/**
 * Resolves names to those of their addresses that are allowed. The connection uses the returned address, so a name that
 * resolves differently a moment later does no harm. IP addresses are not looked up: see `isForbiddenAddress()`.
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
