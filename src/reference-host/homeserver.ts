import Router from '@koa/router';
import createKnex, { type Knex } from 'knex';
import Koa from 'koa';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { ensureDendriteSchema } from '../dendrite-schema/index.ts';
import { describeError, explainFailure } from '../homeserver/index.ts';
import {
  type AdminPlugin,
  type AdminPluginOptions,
  createAdminPlugin,
  type Logger,
  type SearchAdapter,
  type SigningKey,
} from '../index.ts';
import type { Certificate } from './federation/certificate.ts';
import { createFederation } from './federation/federation.ts';
import type { HttpsSettings } from './federation/https-request.ts';
import type { HostContext } from './host-context.ts';
import { createHttpServer } from './http-server.ts';
import { parseJsonBody } from './json-body.ts';
import { createMediaDirectory } from './media/media-directory.ts';
import { addMediaRoutes } from './media/media-routes.ts';
import { answerUnrecognized, createResponder } from './responder.ts';
import { createMessageLimit } from './rooms/message-limit.ts';
import { showProfile } from './rooms/show-profile.ts';
import { addClientRoutes } from './routes/client-routes.ts';
import { addMetricsRoute, type Credentials } from './routes/metrics.ts';
import { addMonitorRoutes } from './routes/monitor.ts';
import { addSyncRoute } from './routes/sync.ts';
import { createSyncStreams } from './sync/sync-streams.ts';

export interface HomeserverSettings {
  /** URL of a PostgreSQL database with Dendrite's tables, or without any tables. */
  readonly databaseUrl: string;
  /** The key that signs events. The server name of this key is the homeserver's name. */
  readonly signingKey: SigningKey;
  readonly search: SearchAdapter | false;
  /** Credentials for `/metrics`. @defaultValue anyone may read `/metrics` */
  readonly metricsCredentials?: Credentials;
  readonly rateLimit: boolean;
  /** Folder of the media files, in Dendrite's layout. @defaultValue the homeserver has no media */
  readonly mediaDirectory?: string;
  /**
   * The plugin's options for accounts, registration by shared secret, and server notices. @defaultValue the plugin's defaults,
   * with which the registration and the notices are off
   */
  readonly accounts?: Pick<AdminPluginOptions, 'accounts' | 'registration' | 'serverNotices'>;
  /**
   * Settings for requests to other servers, and for the HTTPS server that receives their requests. @defaultValue the homeserver
   * neither sends nor receives such requests, and events for other servers stay in the queue
   */
  readonly federation?: HttpsSettings & {
    /** Certificate of the HTTPS server for other homeservers. @defaultValue there is no such server */
    readonly certificate?: Certificate;
  };
  readonly logger: Logger;
}

export interface Homeserver {
  readonly admin: AdminPlugin;
  readonly db: Knex;
  readonly registry: Registry;
  /**
   * Creates Dendrite's tables if they are missing. Then starts the plugin, the streams of `/sync` and the federation sender,
   * and listens on 127.0.0.1.
   * @param port 0 means any free port
   * @returns the port
   */
  readonly listen: (port: number) => Promise<number>;
  /**
   * Listens for other homeservers over TLS, on all addresses. Call this function after `listen()`.
   * @param port 0 means any free port
   * @returns the port
   * @throws Error if the settings have no certificate
   */
  readonly listenForServers: (port: number) => Promise<number>;
  /**
   * Waits up to ten seconds for running requests, stops the plugin's jobs (other processes can continue these jobs), and closes
   * the database connections.
   */
  readonly close: () => Promise<void>;
}

/**
 * Gauges of prom-client whose names end in `_total`, although Prometheus reserves this ending for counters. The homeserver does
 * not need these gauges. The gauges without this ending, such as `nodejs_active_handles`, have the same values split by type.
 */
const MISNAMED_METRICS = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/**
 * Removes SQL statements, values and stack traces from Knex's log messages. The caller of Knex gets the whole error, and
 * reports it.
 */
const knexText = (message: unknown): string =>
  (describeError(message).split('\n')[0] ?? '').replace(/^(migration failed) with error: .*/, '$1');

/**
 * Makes Knex log to the homeserver's logger. Until `isReady()` returns true, warnings and errors have the level debug, because
 * `listen()` throws the error anyway.
 */
const knexLog = (logger: Logger, isReady: () => boolean): Knex.Logger => ({
  debug: (message) => logger.debug({}, knexText(message)),
  warn: (message) => logger[isReady() ? 'warn' : 'debug']({}, knexText(message)),
  error: (message) => logger[isReady() ? 'error' : 'debug']({}, knexText(message)),
  deprecate: (method, alternative) => logger.warn({ method, alternative }, 'Deprecated method of Knex'),
});

/** Creates a small Matrix homeserver that uses Dendrite's tables. The admin plugin runs in its process. */
export function createHomeserver(settings: HomeserverSettings): Homeserver {
  const { databaseUrl, signingKey, search, rateLimit, logger } = settings;
  const { serverName } = signingKey;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED_METRICS) registry.removeSingleMetric(name);
  let isReady = false;
  const db = createKnex({
    client: 'pg',
    connection: databaseUrl,
    pool: { min: 0, max: 20 },
    log: knexLog(logger, () => isReady),
  });
  const signingKeys = [signingKey];
  const streams = createSyncStreams({ db, databaseUrl, logger });
  const { notifier } = streams;
  const common = { db, databaseUrl, serverName, signingKeys, notifier, logger };
  const federation = settings.federation && createFederation({ ...common, https: settings.federation });

  const lent = { notifier, ...(federation && { federation: federation.sender }) };
  const media = settings.mediaDirectory === undefined ? undefined : createMediaDirectory(settings.mediaDirectory);

  // 1. Give the plugin the homeserver's objects. The plugin does not close these objects.
  const admin = createAdminPlugin(
    {
      serverName,
      db,
      signingKeys,
      logger,
      metrics: { registry },
      ...lent,
      ...(media && { media }),
    },
    { search, ...settings.accounts, limits: rateLimit ? {} : { failedAuthentications: false, openRequests: false } },
  );
  const app = new Koa();
  // 2. Mount the plugin's routes first. These routes parse request bodies and answer errors themselves.
  app.use(admin.router.routes());
  // 3. Add the homeserver's own routes. Routes for clients write events with `admin.rooms.append()`. Routes for other servers
  // pass the events that they write to `admin.events.apply()`, so that the plugin can update its search index.
  const router = new Router({ sensitive: true, strict: true });
  const remote = federation?.withPlugin(admin);
  const context: HostContext = {
    db,
    signingKey,
    admin,
    logger,
    limitMessages: createMessageLimit(admin.accounts),
    ...lent,
    ...(remote !== undefined && { joinRemoteRoom: remote.joinRemoteRoom }),
  };
  // When an administrator changes a user's display name or avatar, the user's member events must change too. Only the
  // homeserver writes these events.
  admin.hooks.after('setUser', { name: 'profile-in-rooms' }, async ({ input: { userId, displayName, avatarUrl } }) => {
    if (displayName !== undefined || avatarUrl !== undefined) await showProfile(context, userId);
  });
  addClientRoutes(router, context);
  addSyncRoute(router, context, streams);
  addMonitorRoutes(router, context);
  addMetricsRoute(router, registry, settings.metricsCredentials);
  // These routes come before the body parser, because uploaded files are not JSON.
  const mediaRouter = new Router({ sensitive: true, strict: true });
  if (media !== undefined) addMediaRoutes(mediaRouter, context, media);
  app.use(createResponder(logger)).use(mediaRouter.routes()).use(parseJsonBody()).use(router.routes());
  app.use(answerUnrecognized(router, mediaRouter));

  const server = createHttpServer(app.callback());
  const certificate = settings.federation?.certificate;
  const federationServer = certificate && remote?.createServer(certificate);
  return {
    admin,
    db,
    registry,
    listen: async (port) => {
      await ensureDendriteSchema(db).catch((error: unknown) => {
        throw explainFailure(error, db);
      });
      // 4. Start the plugin after the homeserver's tables exist, and before the first request.
      await admin.start();
      await streams.open();
      await federation?.start();
      isReady = true;
      return server.listen(port);
    },
    listenForServers: async (port) => {
      if (federationServer === undefined) throw new Error('there is no certificate for other servers');
      return federationServer.listen(port, null);
    },
    close: async () => {
      streams.endWaits();
      await Promise.all([server.drain(), federationServer?.drain()]);
      try {
        // 5. Stop the plugin before closing what the plugin uses. The plugin ends its event streams and stops its jobs. Other
        // processes can continue these jobs.
        await admin.stop();
        await federation?.stop();
        await streams.close();
      } finally {
        await Promise.all([server.close(), federationServer?.close()]);
        await db.destroy();
        registry.clear();
      }
    },
  };
}
