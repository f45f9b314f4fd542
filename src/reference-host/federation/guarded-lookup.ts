import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Tells whether an IP address belongs to the public internet. Private, loopback, link-local and other special addresses are not
 * public.
 */
export function isPublicAddress(address: string): boolean {
  return ipaddr.process(address).range() === 'unicast';
}

/**
 * Tells whether a host is an IP address to which connections are forbidden. Returns `false` for a host name, because
 * `guardedLookup()` checks the addresses of host names.
 * @param allowPrivate whether connections to addresses outside the public internet are allowed
 */
export function isForbiddenAddress(host: string, allowPrivate: boolean): boolean {
  return !allowPrivate && isIP(host) !== 0 && !isPublicAddress(host);
}

/**
 * Creates a function that resolves a host name to its allowed addresses. Node connects to exactly these addresses, so it does
 * no harm if the name resolves to a forbidden address a moment later. Node does not call this function for a host that is an IP
 * address. `isForbiddenAddress()` checks such hosts.
 * @param allowPrivate whether connections to addresses outside the public internet are allowed
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
