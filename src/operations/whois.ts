import { z } from 'zod';
import { addressWithoutPort } from '../accounts/address-without-port.ts';
import { MatrixError } from '../errors.ts';
import { splitUserId, type UserId } from '../ids.ts';
import { isAccount } from '../storage/userapi/accounts.ts';
import { type Device, listDevices } from '../storage/userapi/devices.ts';
import { defineOperation } from './define-operation.ts';
import { userIdInput } from './user-id-input.ts';

/** A user's devices, and where each was last seen. Addresses are without ports. */
export interface Whois {
  readonly userId: UserId;
  readonly devices: readonly Device[];
}

/**
 * Where the devices of a local user were last seen. Client-Server API, "Server administration".
 * Dendrite: `GET /_matrix/client/v3/admin/whois/{userID}`, which shows ports, and unknown users as without devices.
 */
export const whois = defineOperation({
  access: 'self-or-admin',
  effect: 'read',
  input: z.object({ userId: userIdInput }),
  target: ({ userId }) => userId,
  run: async ({ db, localServerNames }, { userId }): Promise<Whois> => {
    if (!localServerNames.includes(splitUserId(userId).serverName)) {
      throw new MatrixError('M_INVALID_PARAM', 'Can only whois a local user');
    }
    const devices = await listDevices(db, userId);
    if (devices.length === 0 && !(await isAccount(db, userId))) {
      throw new MatrixError('M_NOT_FOUND', 'User not found');
    }
    return {
      userId,
      devices: devices.map((device) => ({ ...device, address: addressWithoutPort(device.address) })),
    };
  },
});
