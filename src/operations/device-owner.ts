import { addressWithoutPort } from '../accounts/address-without-port.ts';
import { MatrixError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import { findAccount, lockAccount } from '../storage/userapi/accounts.ts';
import type { Device } from '../storage/userapi/devices.ts';
import type { OperationScope, ReadScope } from './define-operation.ts';
import { requireLocal, userNotFound } from './local-account.ts';

const REMOTE = 'Can only look up local users';

/** @throws MatrixError `M_INVALID_PARAM` for users of other servers, `M_NOT_FOUND`; a deactivated user is one */
export async function requireDeviceOwner(scope: ReadScope, userId: UserId): Promise<void> {
  requireLocal(scope, userId, REMOTE);
  if ((await findAccount(scope.db, userId)) === undefined) throw userNotFound();
}

/**
 * The same for who changes devices: whoever does so locks the account first, since each locks several of its devices.
 * @throws MatrixError as `requireDeviceOwner()`
 */
export async function lockDeviceOwner(scope: OperationScope, userId: UserId): Promise<void> {
  requireLocal(scope, userId, REMOTE);
  if ((await lockAccount(scope.transaction, userId)) === undefined) throw userNotFound();
}

export const deviceNotFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such device');

/** The port is that of a connection which is long gone. */
export const withoutPort = (device: Device): Device => ({ ...device, address: addressWithoutPort(device.address) });
