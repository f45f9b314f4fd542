import { z } from 'zod';
import {
  EXPERIMENTAL_FEATURES,
  type ExperimentalFeature,
  listFeatures,
  setFeatures,
} from '../../storage/plugin/account-attributes.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireAccount, requireLockedAccount, standingChanged } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

type Features = Readonly<Record<ExperimentalFeature, boolean>>;

const featuresOf = (on: readonly ExperimentalFeature[]): Features => ({
  msc3881: on.includes('msc3881'),
  msc3575: on.includes('msc3575'),
  msc4222: on.includes('msc4222'),
});

/**
 * Shows which experimental features are on for a local user. The homeserver's own code learns about these features from
 * `admin.accounts.check()`. Synapse's route is `GET /_synapse/admin/v1/experimental_features/{userId}`. In Synapse, the route
 * also answers for unknown users.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const getExperimentalFeatures = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  run: async (scope, { userId }): Promise<{ readonly features: Features }> => {
    await requireAccount(scope, userId);
    return { features: featuresOf(await listFeatures(scope.db, userId)) };
  },
});

/**
 * Switches experimental features on or off for a local user. Features that the input does not name stay as they are. Synapse's
 * route is `PUT /_synapse/admin/v1/experimental_features/{userId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const setExperimentalFeatures = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** The features to switch on (`true`) or off (`false`). */
    features: z.partialRecord(z.enum(EXPERIMENTAL_FEATURES), z.boolean()),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, features }): Promise<{ readonly features: Features }> => {
    await requireLockedAccount(scope, userId);
    const before = await listFeatures(scope.transaction, userId);
    const on = EXPERIMENTAL_FEATURES.filter((feature) => features[feature] ?? before.includes(feature));
    await setFeatures(scope.transaction, userId, on);
    standingChanged(scope, userId);
    return { features: featuresOf(on) };
  },
});
