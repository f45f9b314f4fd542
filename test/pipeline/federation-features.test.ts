import { expect, it } from 'vitest';
import type { FederationSender } from '../../src/host.ts';
import { missingFeatures } from '../../src/pipeline/federation-features.ts';

const wake = (): void => {};
const never = (): Promise<never> => Promise.reject(new Error('nobody asks'));
/** A federation sender that has all optional methods. */
const WHOLE: FederationSender = {
  wake,
  makeLeave: never,
  sendLeave: never,
  queryDevices: never,
  lookupState: never,
  verifyKeys: never,
  listRetries: () => [],
  retryNow: wake,
};

it('a federation sender with all methods has every feature', () => {
  expect(missingFeatures(WHOLE)).toEqual([]);
});

it.each([undefined, { wake }])(
  'without optional methods, every feature is off, and its missing methods are named: %j',
  (sender) => {
    expect(missingFeatures(sender)).toEqual([
      {
        feature: 'the servers of remote rooms are not told that an invite is rejected',
        missing: ['makeLeave', 'sendLeave'],
      },
      { feature: 'device lists of remote users cannot be refreshed', missing: ['queryDevices'] },
      { feature: 'state cannot be downloaded from other servers', missing: ['lookupState', 'verifyKeys'] },
      {
        feature: 'the times of the next attempts to reach failed servers are neither shown nor changed',
        missing: ['listRetries', 'retryNow'],
      },
    ]);
  },
);

it('a feature is off if one of its methods is missing, and only this method is named', () => {
  const half: FederationSender = {
    wake,
    makeLeave: never,
    queryDevices: never,
    verifyKeys: never,
    listRetries: () => [],
    retryNow: wake,
  };
  expect(missingFeatures(half).map(({ missing }) => missing)).toEqual([['sendLeave'], ['lookupState']]);
});
