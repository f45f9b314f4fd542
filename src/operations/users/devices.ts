import { z } from 'zod';
import { addressWithoutPort } from '../../accounts/address-without-port.ts';
import { logIn } from '../../accounts/log-in.ts';
import { logOut } from '../../accounts/log-out.ts';
import { renameDevice } from '../../accounts/rename-device.ts';
import { MatrixError } from '../../errors.ts';
import type { UserId } from '../../ids.ts';
import { insertKeylessDevice } from '../../storage/keyserver/device-keys.ts';
import { type Device, findDevice, hasDevice, readDevices } from '../../storage/userapi/devices.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireAccount, requireLockedAccount } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/** Maximum length of a device id, in UTF-16 code units. */
const MAX_ID_LENGTH = 255;

const deviceNotFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such device');

/** Returns the device with the port removed from its address. The port has no meaning after the connection has ended. */
export const withoutPort = (device: Device): Device => ({ ...device, address: addressWithoutPort(device.address) });

/**
 * Lists a local user's devices, sorted by device id. Synapse's route is `GET /_synapse/admin/v2/users/{userId}/devices`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const listDevices = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId }): Promise<{ userId: UserId; devices: readonly Device[] }> => {
    await requireAccount(scope, userId);
    return { userId, devices: (await readDevices(scope.db, userId)).map(withoutPort) };
  },
});

/**
 * Shows one device of a local user. Synapse's route is `GET /_synapse/admin/v2/users/{userId}/devices/{deviceId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user or device
 */
export const getDevice = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** The id of the device. */
    deviceId: z.string(),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, deviceId }): Promise<Device & { readonly userId: UserId }> => {
    await requireAccount(scope, userId);
    const device = await findDevice(scope.db, userId, deviceId);
    if (device === undefined) throw deviceNotFound();
    return { userId, ...withoutPort(device) };
  },
});

/**
 * Creates a device for a local user. Nobody learns the device's access token. If the user already has a device with this id,
 * nothing changes. Synapse's route is `POST /_synapse/admin/v2/users/{userId}/devices`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 * @throws MatrixError `M_BAD_STATE` if the account is deactivated
 */
export const createDevice = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** The id of the new device. It has at most 255 characters. */
    deviceId: z.string().min(1).max(MAX_ID_LENGTH),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, deviceId }): Promise<object> => {
    const { transaction } = scope;
    const { isDeactivated } = await requireLockedAccount(scope, userId);
    if (isDeactivated) throw new MatrixError('M_BAD_STATE', 'A deactivated account has no devices');
    if (await hasDevice(transaction, userId, deviceId)) return {};
    await logIn(transaction, { userId, deviceId });
    await insertKeylessDevice(transaction, { userId, deviceId });
    scope.afterCommit(() => scope.announce({ users: [userId] }));
    return {};
  },
});

/** Maximum length of a device's name, in Unicode code points, as in Synapse. */
const MAX_NAME_LENGTH = 100;

/**
 * Renames a device of a local user. Users and servers that know the device get an update. Without `displayName`, nothing
 * changes. Synapse's route is `PUT /_synapse/admin/v2/users/{userId}/devices/{deviceId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user or device
 * @throws MatrixError 400 `M_TOO_LARGE` if the name is too long
 */
export const setDeviceName = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** The id of the device. */
    deviceId: z.string(),
    /** The new name. It has at most 100 characters. @defaultValue the name stays as it is */
    displayName: z.string().nullish(),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, deviceId, displayName }): Promise<object> => {
    const { transaction, localServerNames } = scope;
    await requireLockedAccount(scope, userId);
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

/**
 * Logs devices of a local user out, and deletes everything that belongs to these devices. Unknown device ids are ignored.
 * Synapse's route is `POST /_synapse/admin/v2/users/{userId}/delete_devices`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const deleteDevices = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** Ids of the devices. */
    devices: z.array(z.string()),
    /** Whether to only report which devices would be deleted. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, devices }): Promise<{ deleted: readonly string[] }> => {
    const { transaction, localServerNames } = scope;
    await requireLockedAccount(scope, userId);
    const { deviceIds, destinations } = await logOut(transaction, userId, devices, localServerNames);
    if (deviceIds.length > 0) scope.afterCommit(() => scope.announce({ users: [userId], destinations }));
    return { deleted: deviceIds };
  },
});
