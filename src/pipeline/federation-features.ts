import type { FederationSender } from '../host.ts';

type OptionalMethod = Exclude<keyof FederationSender, 'wake'>;

/**
 * Features and the methods of the host's federation sender that each feature needs. `feature` says what does not work without
 * them.
 */
const FEATURES: readonly { readonly methods: readonly OptionalMethod[]; readonly feature: string }[] = [
  {
    methods: ['makeLeave', 'sendLeave'],
    feature: 'the servers of remote rooms are not told that an invite is rejected',
  },
  { methods: ['queryDevices'], feature: 'device lists of remote users cannot be refreshed' },
  { methods: ['lookupState', 'verifyKeys'], feature: 'state cannot be downloaded from other servers' },
  { methods: ['listRetries', 'retryNow'], feature: 'the waits of the federation sender are neither shown nor ended' },
];

/** A feature that is off. `missing` lists the methods that `host.federation` lacks. */
export interface MissingFeature {
  readonly feature: string;
  readonly missing: readonly string[];
}

/** The features that are off with this federation sender. Without a federation sender, all features are off. */
export function missingFeatures(federation: FederationSender | undefined): MissingFeature[] {
  return FEATURES.map(({ methods, feature }) => ({
    feature,
    missing: methods.filter((method) => federation?.[method] === undefined),
  })).filter(({ missing }) => missing.length > 0);
}
