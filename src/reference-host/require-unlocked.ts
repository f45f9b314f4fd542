import { MatrixError, type UserId } from '../index.ts';
import type { HostContext } from './host-context.ts';

/** Checks that a user is not locked. Source: Client-Server API, "Account locking". @throws MatrixError `M_USER_LOCKED` */
export async function requireUnlocked({ admin }: HostContext, userId: UserId): Promise<void> {
  if ((await admin.accounts.check(userId)).locked) {
    throw new MatrixError('M_USER_LOCKED', 'This account has been locked', { fields: { soft_logout: true } });
  }
}
