import type { Knex } from 'knex';
import type { FederationSender, Logger, SigningKey } from '../../host.ts';
import type { ServerName } from '../../ids.ts';
import { createFederationClient } from './federation-client.ts';
import { createHttps, type HttpsSettings } from './https-request.ts';
import { createQuestions } from './questions.ts';
import { createSender } from './sender.ts';
import { createDiscovery } from './server-discovery.ts';
import { createServerKeys } from './server-keys.ts';

export interface FederationSettings {
  readonly db: Knex;
  readonly databaseUrl: string;
  /** The primary server name. */
  readonly serverName: ServerName;
  /** One for each local server name. */
  readonly signingKeys: readonly SigningKey[];
  readonly logger: Logger;
  readonly https: HttpsSettings;
}

/** What the homeserver has to do with others. */
export interface Federation {
  /** What the plugin is lent. */
  readonly sender: FederationSender;
  /** Sends what is queued. */
  readonly start: () => Promise<void>;
  /** Breaks off what is under way. What is queued stays so. */
  readonly stop: () => Promise<void>;
}

export function createFederation(settings: FederationSettings): Federation {
  const { db, databaseUrl, serverName, signingKeys, logger } = settings;
  const send = createHttps(settings.https);
  const ask = createFederationClient({ send, discover: createDiscovery(send), signingKeys });
  const queue = createSender({ db, databaseUrl, ask, origin: serverName, logger });
  return {
    sender: { wake: queue.wake, ...createQuestions(ask), verifyKeys: createServerKeys(db, ask) },
    start: queue.start,
    stop: queue.stop,
  };
}
