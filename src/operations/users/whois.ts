import type { UserId } from '../../ids.ts';
import { isAccount } from '../../storage/userapi/accounts.ts';
import { type Device, readDevices } from '../../storage/userapi/devices.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { withoutPort } from './devices.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/** A user's devices, with the address at which each device was last seen. Addresses have no ports. */
export interface Whois {
  readonly userId: UserId;
  readonly devices: readonly Device[];
}

/**
 * Shows where the devices of a local user were last seen. Source: Client-Server API, "Server administration". Dendrite's route
 * is `GET /_matrix/client/v3/admin/whois/{userID}`. Unlike this operation, Dendrite also shows ports, and shows an unknown user
 * as a user without devices.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const whois = defineOperation({
  access: 'self-or-admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId }): Promise<Whois> => {
    requireLocal(scope, userId, 'Can only whois a local user');
    const devices = await readDevices(scope.db, userId);
    if (devices.length === 0 && !(await isAccount(scope.db, userId))) throw userNotFound();
    return { userId, devices: devices.map(withoutPort) };
  },
});
