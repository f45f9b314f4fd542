import type { AdminPlugin, FederationSender, Notifier, ServerName, SigningKey } from '../../index.ts';
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
  /** The homeserver's main server name. */
  readonly serverName: ServerName;
  /** One key for each local server name. */
  readonly signingKeys: readonly SigningKey[];
  readonly https: HttpsSettings;
  /** Wakes clients that wait in `/sync`. */
  readonly notifier: Notifier;
}

/** The parts of the homeserver that talk to other homeservers. */
export interface Federation {
  /** The plugin uses this federation sender for its requests to other servers. */
  readonly sender: FederationSender;
  /** Starts to send the queued events and messages to other servers. */
  readonly start: () => Promise<void>;
  /** Call this function when another server has sent a request, which shows that the other server is running. */
  readonly alive: (serverName: ServerName) => Promise<void>;
  /** Aborts running requests, and waits until they have ended. Events that were not sent stay in the queue. */
  readonly stop: () => Promise<void>;
  /**
   * Creates the parts that need the plugin. The homeserver calls this function after it has created the plugin. The plugin
   * itself needs `sender`.
   */
  readonly withPlugin: (admin: Pick<AdminPlugin, 'accounts' | 'events' | 'rooms'>) => {
    /** Joins a user to a room through another server. @throws MatrixError with the reason why the join failed */
    readonly joinRemoteRoom: (join: RemoteJoin) => Promise<void>;
    /** Creates the HTTPS server for other homeservers. */
    readonly createServer: (certificate: Certificate) => HttpServer;
  };
}

export function createFederation(settings: FederationSettings): Federation {
  const { db, serverName, signingKeys, notifier, logger } = settings;
  const send = createHttps(settings.https);
  const ask = createFederationClient({ send, discover: createDiscovery(send), signingKeys });
  const queue = createSender({ ...settings, ask, origin: serverName });
  const verifyKeys = createServerKeys(db, ask);
  return {
    sender: {
      wake: queue.wake,
      ...createQuestions(ask),
      verifyKeys,
      listRetries: queue.listRetries,
      retryNow: queue.alive,
    },
    start: queue.start,
    alive: queue.alive,
    stop: queue.stop,
    withPlugin: ({ accounts, rooms, events }) => {
      const localServerNames = signingKeys.map((key) => key.serverName);
      const chain = { serverName, localServerNames, states: rooms.states, applyEvents: events.apply };
      const { alive, wake } = queue;
      const context = {
        db,
        serverName,
        signingKeys,
        accounts,
        rooms,
        chain,
        verifyKeys,
        alive,
        wake,
        notifier,
        logger,
      };
      return {
        joinRemoteRoom: (join) => joinRemoteRoom({ db, ask, verifyKeys, signingKeys, chain }, join),
        createServer: (certificate) => createFederationServer(context, certificate),
      };
    },
  };
}
