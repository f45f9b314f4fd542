import type { FederationSender } from '../host.ts';

type OptionalMethod = Exclude<keyof FederationSender, 'wake'>;

/**
 * Methods of the host's federation sender that the host may leave out. `feature` says what does not work without the methods.
 */
const FEATURES: readonly { readonly methods: readonly OptionalMethod[]; readonly feature: string }[] = [
  {
    methods: ['makeLeave', 'sendLeave'],
    feature: 'the servers of remote rooms are not told that an invite is rejected',
  },
  { methods: ['queryDevices'], feature: 'device lists of remote users cannot be refreshed' },
  { methods: ['lookupState', 'verifyKeys'], feature: 'state cannot be downloaded from other servers' },
  {
    methods: ['listRetries', 'retryNow'],
    feature: 'the times of the next attempts to reach failed servers are neither shown nor changed',
  },
];

/** A feature that does not work. `missing` lists the methods that `host.federation` lacks. */
export interface MissingFeature {
  readonly feature: string;
  readonly missing: readonly string[];
}

/** Returns the features that do not work with this federation sender. Without a federation sender, no feature works. */
export function missingFeatures(federation: FederationSender | undefined): MissingFeature[] {
  return FEATURES.map(({ methods, feature }) => ({
    feature,
    missing: methods.filter((method) => federation?.[method] === undefined),
  })).filter(({ missing }) => missing.length > 0);
}
