import { randomBytes } from 'node:crypto';
import type { Knex } from 'knex';
import { insertDevice, type NewDevice } from '../storage/userapi/devices.ts';

type Login = Pick<NewDevice, 'userId' | 'deviceId'> & Partial<Pick<NewDevice, 'displayName' | 'address' | 'userAgent'>>;

/** Creates a device with a new access token. If a device with the same id exists, the new device replaces it. */
export async function logIn(
  transaction: Knex.Transaction,
  login: Login,
): Promise<{ readonly accessToken: string; readonly sessionId: number }> {
  const accessToken = randomBytes(32).toString('base64url');
  const unknown = { displayName: null, address: '', userAgent: '' };
  const sessionId = await insertDevice(transaction, { ...unknown, ...login, accessToken, createdAt: Date.now() });
  return { accessToken, sessionId };
}
