import { z } from 'zod';
import type { UserId } from '../ids.ts';
import { type Device, listDevices as list } from '../storage/userapi/devices.ts';
import { defineOperation } from './define-operation.ts';
import { requireDeviceOwner, withoutPort } from './device-owner.ts';
import { userIdInput } from './user-id-input.ts';

/** A local user's devices, in order of their ids. Synapse: `GET /_synapse/admin/v2/users/{userId}/devices`. */
export const listDevices = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ userId: userIdInput }),
  target: ({ userId }) => userId,
  run: async (scope, { userId }): Promise<{ userId: UserId; devices: readonly Device[] }> => {
    await requireDeviceOwner(scope, userId);
    return { userId, devices: (await list(scope.db, userId)).map(withoutPort) };
  },
});
