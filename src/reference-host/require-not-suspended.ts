import type { UserId } from '../index.ts';
import { accountSuspended } from './account-suspended.ts';
import type { HostContext } from './host-context.ts';

/**
 * Checks that a user is not suspended. Source: Client-Server API, "Account suspension".
 * @throws MatrixError `M_USER_SUSPENDED`
 */
export async function requireNotSuspended({ admin }: HostContext, userId: UserId): Promise<void> {
  if ((await admin.accounts.check(userId)).suspended) throw accountSuspended();
}
