import type { Knex } from 'knex';
import type { Logger, SigningKey } from '../host.ts';
import type { AdminPlugin } from '../index.ts';

/** What the homeserver's own routes work with. */
export interface HostContext {
  readonly db: Knex;
  readonly signingKey: SigningKey;
  readonly admin: Pick<AdminPlugin, 'search'>;
  readonly logger: Logger;
}
