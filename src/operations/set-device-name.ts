import { z } from 'zod';
import { renameDevice } from '../accounts/rename-device.ts';
import { MatrixError } from '../errors.ts';
import { findDevice } from '../storage/userapi/devices.ts';
import { defineOperation } from './define-operation.ts';
import { deviceNotFound, lockDeviceOwner } from './device-owner.ts';
import { userIdInput } from './user-id-input.ts';

/** Synapse's limit, in code points. */
const MAX_NAME_LENGTH = 100;

/**
 * Gives a device of a local user another name, which those who encrypt for it are told; without one nothing changes.
 * Synapse: `PUT /_synapse/admin/v2/users/{userId}/devices/{deviceId}`.
 */
export const setDeviceName = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ userId: userIdInput, deviceId: z.string(), displayName: z.string().nullish() }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, deviceId, displayName }): Promise<object> => {
    const { transaction, localServerNames } = scope;
    await lockDeviceOwner(scope, userId);
    if (displayName === undefined || displayName === null) {
      if ((await findDevice(transaction, userId, deviceId)) === undefined) throw deviceNotFound();
      return {};
    }
    if (Array.from(displayName).length > MAX_NAME_LENGTH) {
      throw new MatrixError('M_TOO_LARGE', `Device display name is too long (max ${MAX_NAME_LENGTH})`, { status: 400 });
    }
    const destinations = await renameDevice(transaction, userId, { deviceId, displayName }, localServerNames);
    if (destinations === undefined) throw deviceNotFound();
    scope.afterCommit(() => scope.announce({ users: [userId], destinations }));
    return {};
  },
});
