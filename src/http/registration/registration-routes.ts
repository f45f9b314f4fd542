import type { Config } from '../../config.ts';
import type { Actor } from '../../operations/actor.ts';
import { defineRoute, ok, okOf, type Route } from '../route.ts';

const REGISTER = '/_synapse/admin/v1/register';
const WHO_KNOWS_IT: Actor = { kind: 'system', name: 'shared-secret' };

const hasSecret = ({ registration }: Config): boolean => registration.sharedSecret !== undefined;

/** Routes for registration with a shared secret. These routes exist only if a secret is configured. */
export const REGISTRATION_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: REGISTER,
    operation: 'getRegistrationNonce',
    isOn: hasSecret,
    openTo: WHO_KNOWS_IT,
    input: () => ({}),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: REGISTER,
    operation: 'registerBySharedSecret',
    names: { displayName: 'displayname' },
    isOn: hasSecret,
    openTo: WHO_KNOWS_IT,
    input: ({ body, address, userAgent }) => ({
      nonce: body.nonce,
      username: body.username,
      password: body.password,
      mac: body.mac,
      admin: body.admin,
      userType: body.user_type,
      displayName: body.displayname,
      inhibitLogin: body.inhibit_login,
      address,
      userAgent,
    }),
    respond: ({ userId, homeServer, login }) =>
      ok({
        user_id: userId,
        home_server: homeServer,
        ...(login && { access_token: login.accessToken, device_id: login.deviceId }),
      }),
  }),
];
