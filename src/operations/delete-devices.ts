import { z } from 'zod';
import { logOut } from '../accounts/log-out.ts';
import { defineOperation } from './define-operation.ts';
import { lockDeviceOwner } from './device-owner.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Logs devices of a local user out, with all that is theirs; those that there are not are no error.
 * Synapse: `POST /_synapse/admin/v2/users/{userId}/delete_devices`.
 */
export const deleteDevices = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ userId: userIdInput, devices: z.array(z.string()), dryRun: z.boolean().default(false) }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, devices }): Promise<{ deleted: readonly string[] }> => {
    const { transaction, localServerNames } = scope;
    await lockDeviceOwner(scope, userId);
    const { deviceIds, destinations } = await logOut(transaction, userId, devices, localServerNames);
    if (deviceIds.length > 0) scope.afterCommit(() => scope.announce({ users: [userId], destinations }));
    return { deleted: deviceIds };
  },
});
