import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/** The version in `package.json`. */
const VERSION = '0.2.0';

/**
 * Shows which software serves this API, and its version. Synapse's route is `GET /_synapse/admin/v1/server_version`. The route
 * needs no access token.
 */
export const serverVersion = defineOperation({
  access: 'open',
  effect: 'read',
  input: inputObject({}),
  run: async (): Promise<{ server_version: string }> => ({ server_version: `koa-matrix-admin ${VERSION}` }),
});
