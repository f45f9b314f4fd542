import { z } from 'zod';
import type { UserId } from '../ids.ts';
import { type Device, findDevice } from '../storage/userapi/devices.ts';
import { defineOperation } from './define-operation.ts';
import { deviceNotFound, requireDeviceOwner, withoutPort } from './device-owner.ts';
import { userIdInput } from './user-id-input.ts';

/** One device of a local user. Synapse: `GET /_synapse/admin/v2/users/{userId}/devices/{deviceId}`. */
export const getDevice = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ userId: userIdInput, deviceId: z.string() }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, deviceId }): Promise<Device & { readonly userId: UserId }> => {
    await requireDeviceOwner(scope, userId);
    const device = await findDevice(scope.db, userId, deviceId);
    if (device === undefined) throw deviceNotFound();
    return { userId, ...withoutPort(device) };
  },
});
