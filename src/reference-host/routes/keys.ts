import type Router from '@koa/router';
import { z } from 'zod';
import { tellDeviceList } from '../../homeserver/index.ts';
import { isUserId, MatrixError, type UserId } from '../../index.ts';
import { announce } from '../announce.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { clientPaths } from '../request-parameters.ts';
import { storableText } from '../storable-text.ts';
import { readUserDevices } from '../storage/device-keys.ts';
import {
  countOneTimeKeys,
  type DeviceKey,
  type SessionKey,
  storeDeviceKeys,
  storeFallbackKeys,
  storeOneTimeKeys,
  takeSessionKey,
} from '../storage/uploaded-keys.ts';

const MAX_USERS = 1_000;
const name = storableText(255);
const userId = z.custom<UserId>((value) => typeof value === 'string' && isUserId(value), 'not a user id');
const byUser = <Value extends z.ZodType>(value: Value): z.ZodRecord<typeof userId, Value> =>
  z.record(userId, value).refine((users) => Object.keys(users).length <= MAX_USERS, `has more than ${MAX_USERS} users`);

const sessionKeys = z.record(name, z.unknown()).optional();
const uploadSchema = z.object({
  device_keys: z.looseObject({ user_id: z.string(), device_id: z.string() }).optional(),
  one_time_keys: sessionKeys,
  fallback_keys: sessionKeys,
});
const querySchema = z.object({ device_keys: byUser(z.array(z.string()).max(1_000)) });
const claimSchema = z.object({ one_time_keys: byUser(z.record(name, name)) });

const namedKeys = (keys: Readonly<Record<string, unknown>> = {}): SessionKey[] =>
  Object.entries(keys).map(([keyName, key]) => ({ name: keyName, key }));

/**
 * Adds the routes that upload, query and claim the keys of devices. The routes send no requests to other servers. For users of
 * other servers, they return only keys that are already in the database. Source: Client-Server API, "Key management API".
 */
export function addKeysRoutes(router: Router, context: HostContext): void {
  const { db } = context;
  router.post(clientPaths('/keys/upload'), async (ctx) => {
    const device = await authenticate(ctx, context);
    await upload(context, device, bodyOf(ctx, uploadSchema));
    ctx.body = { one_time_key_counts: await countOneTimeKeys(db, device) };
  });

  router.post(clientPaths('/keys/query'), async (ctx) => {
    await authenticate(ctx, context);
    const wanted = Object.entries(bodyOf(ctx, querySchema).device_keys);
    const answers = await Promise.all(wanted.map(([user, devices]) => query(context, user as UserId, devices)));
    const part = (field: 'device_keys' | 'master_keys' | 'self_signing_keys'): object =>
      Object.fromEntries(answers.flatMap(({ user, [field]: value }) => (value === undefined ? [] : [[user, value]])));
    ctx.body = {
      failures: {},
      device_keys: part('device_keys'),
      master_keys: part('master_keys'),
      self_signing_keys: part('self_signing_keys'),
    };
  });

  router.post(clientPaths('/keys/claim'), async (ctx) => {
    await authenticate(ctx, context);
    const claimed: Record<string, Record<string, object>> = {};
    for (const [user, devices] of Object.entries(bodyOf(ctx, claimSchema).one_time_keys)) {
      for (const [deviceId, algorithm] of Object.entries(devices)) {
        const taken = await takeSessionKey(db, { userId: user as UserId, deviceId }, algorithm);
        if (taken !== undefined) claimed[user] = { ...claimed[user], [deviceId]: { [taken.name]: taken.key } };
      }
    }
    ctx.body = { failures: {}, one_time_keys: claimed };
  });
}

async function upload(
  context: HostContext,
  device: DeviceKey,
  { device_keys: keys, one_time_keys: oneTime, fallback_keys: fallback }: z.output<typeof uploadSchema>,
): Promise<void> {
  const { userId: user, deviceId } = device;
  if (keys !== undefined && (keys.user_id !== user || keys.device_id !== deviceId)) {
    throw new MatrixError('M_INVALID_PARAM', 'The keys belong to another device');
  }
  const destinations = await context.db.transaction(async (transaction) => {
    await storeOneTimeKeys(transaction, device, namedKeys(oneTime));
    await storeFallbackKeys(transaction, device, namedKeys(fallback));
    if (keys === undefined) return undefined;
    const streamId = await storeDeviceKeys(transaction, device, keys);
    return tellDeviceList(transaction, user, [{ device_id: deviceId, keys }], streamId, [
      context.signingKey.serverName,
    ]);
  });
  if (destinations !== undefined) await announce(context, { users: [user], destinations });
}

interface QueryAnswer {
  readonly user: UserId;
  readonly device_keys: object;
  readonly master_keys: object | undefined;
  readonly self_signing_keys: object | undefined;
}

/**
 * Returns the keys of a user's devices, and the user's master key and self-signing key. Leaves out devices with which
 * administrators are logged in as the user.
 * @param wanted ids of devices. An empty list means all devices.
 */
async function query({ db, admin }: HostContext, user: UserId, wanted: readonly string[]): Promise<QueryAnswer> {
  const { devices, masterKey, selfSigningKey } = await readUserDevices(db, user);
  const { hiddenDevices } = await admin.accounts.check(user);
  const shown = devices.filter(
    ({ deviceId }) => !hiddenDevices.includes(deviceId) && (wanted.length === 0 || wanted.includes(deviceId)),
  );
  return {
    user,
    device_keys: Object.fromEntries(
      shown.map(({ deviceId, displayName, keys }) => {
        const unsigned = displayName === null ? {} : { unsigned: { device_display_name: displayName } };
        return [deviceId, { ...keys, ...unsigned }];
      }),
    ),
    master_keys: masterKey,
    self_signing_keys: selfSigningKey,
  };
}
