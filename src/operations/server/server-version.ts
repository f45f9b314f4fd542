import { z } from 'zod';
import { defineOperation } from '../define-operation.ts';

/** As in `package.json`. */
const VERSION = '0.1.0';

/** What serves this API. Synapse: `GET /_synapse/admin/v1/server_version`, which is for anybody. */
export const serverVersion = defineOperation({
  access: 'open',
  effect: 'read',
  input: z.object({}),
  run: async (): Promise<{ server_version: string }> => ({ server_version: `koa-matrix-admin ${VERSION}` }),
});
