import type { Knex } from 'knex';
import type { FederationSender, Logger, SigningKey } from '../host.ts';
import type { AdminPlugin } from '../index.ts';

/** What the homeserver's own routes work with. */
export interface HostContext {
  readonly db: Knex;
  readonly signingKey: SigningKey;
  readonly admin: Pick<AdminPlugin, 'rooms' | 'search'>;
  /** @defaultValue nothing is sent to other servers */
  readonly federation?: FederationSender;
  readonly logger: Logger;
}
