import type { FederationSender, SigningKey } from '../../host.ts';
import type { ServerName } from '../../ids.ts';
import type { AdminPlugin } from '../../index.ts';
import type { HttpServer } from '../http-server.ts';
import type { Certificate } from './certificate.ts';
import { createFederationClient } from './federation-client.ts';
import { createFederationServer } from './federation-server.ts';
import { createHttps, type HttpsSettings } from './https-request.ts';
import { joinRemoteRoom, type RemoteJoin } from './join-room.ts';
import { createQuestions } from './questions.ts';
import { createSender, type SenderSettings } from './sender.ts';
import { createDiscovery } from './server-discovery.ts';
import { createServerKeys } from './server-keys.ts';

export interface FederationSettings extends Omit<SenderSettings, 'ask' | 'origin'> {
  /** The primary server name. */
  readonly serverName: ServerName;
  /** One for each local server name. */
  readonly signingKeys: readonly SigningKey[];
  readonly https: HttpsSettings;
}

/** What the homeserver has to do with others. */
export interface Federation {
  /** What the plugin is lent. */
  readonly sender: FederationSender;
  /** Sends what is queued. */
  readonly start: () => Promise<void>;
  /** A server was heard of. */
  readonly alive: (serverName: ServerName) => Promise<void>;
  /** Breaks off what is under way. What is queued stays so. */
  readonly stop: () => Promise<void>;
  /** What needs the plugin, to which the sender has been lent. */
  readonly withPlugin: (admin: Pick<AdminPlugin, 'rooms' | 'search'>) => {
    /** @throws MatrixError why the room was not joined */
    readonly joinRemoteRoom: (join: RemoteJoin) => Promise<void>;
    /** What other servers are served by. */
    readonly createServer: (certificate: Certificate) => HttpServer;
  };
}

export function createFederation(settings: FederationSettings): Federation {
  const { db, serverName, signingKeys, logger } = settings;
  const send = createHttps(settings.https);
  const ask = createFederationClient({ send, discover: createDiscovery(send), signingKeys });
  const queue = createSender({ ...settings, ask, origin: serverName });
  const verifyKeys = createServerKeys(db, ask);
  return {
    sender: { wake: queue.wake, ...createQuestions(ask), verifyKeys },
    start: queue.start,
    alive: queue.alive,
    stop: queue.stop,
    withPlugin: ({ rooms, search }) => {
      const localServerNames = signingKeys.map((key) => key.serverName);
      const chain = { serverName, localServerNames, states: rooms.states, applySearch: search.apply };
      const { alive, wake } = queue;
      const context = { db, serverName, signingKeys, rooms, chain, verifyKeys, alive, wake, logger };
      return {
        joinRemoteRoom: (join) => joinRemoteRoom({ db, ask, verifyKeys, signingKeys, chain }, join),
        createServer: (certificate) => createFederationServer(context, certificate),
      };
    },
  };
}
