import { addressWithoutPort } from '../accounts/address-without-port.ts';
import { MatrixError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { findAccount } from '../storage/userapi/accounts.ts';
import type { Device } from '../storage/userapi/devices.ts';
import type { ReadScope } from './define-operation.ts';
import { requireLocal, userNotFound } from './local-account.ts';

/** @throws MatrixError `M_INVALID_PARAM` for users of other servers, `M_NOT_FOUND`; a deactivated user is one */
export async function requireDeviceOwner(
  scope: Pick<ReadScope, 'localServerNames'>,
  db: Db,
  userId: UserId,
): Promise<void> {
  requireLocal(scope, userId, 'Can only look up local users');
  if ((await findAccount(db, userId)) === undefined) throw userNotFound();
}

export const deviceNotFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such device');

/** The port is that of a connection which is long gone. */
export const withoutPort = (device: Device): Device => ({ ...device, address: addressWithoutPort(device.address) });
