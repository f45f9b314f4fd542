import Router from '@koa/router';
import createKnex, { type Knex } from 'knex';
import Koa from 'koa';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { ensureDendriteSchema } from '../dendrite-schema/index.ts';
import { describeError } from '../errors.ts';
import type { Logger, SigningKey } from '../host.ts';
import { type AdminPlugin, type AdminPluginOptions, createAdminPlugin } from '../index.ts';
import type { SearchAdapter } from '../search/search-index.ts';
import { explainFailure } from '../storage/explain-failure.ts';
import type { Certificate } from './federation/certificate.ts';
import { createFederation } from './federation/federation.ts';
import type { HttpsSettings } from './federation/https-request.ts';
import type { HostContext } from './host-context.ts';
import { createHttpServer } from './http-server.ts';
import { parseJsonBody } from './json-body.ts';
import { answerUnrecognized, createResponder } from './responder.ts';
import { addAliasesRoute } from './routes/aliases.ts';
import { addCapabilitiesRoute } from './routes/capabilities.ts';
import { addJoinRoute } from './routes/join.ts';
import { addLoginRoutes } from './routes/login.ts';
import { addMetricsRoute, type Credentials } from './routes/metrics.ts';
import { addMonitorRoutes } from './routes/monitor.ts';
import { addRoomRoutes } from './routes/rooms.ts';
import { addSearchRoute } from './routes/search.ts';
import { addVersionsRoute } from './routes/versions.ts';

export interface HomeserverSettings {
  /** A PostgreSQL with Dendrite's tables, or with none yet. */
  readonly databaseUrl: string;
  /** Its server name is the homeserver's. */
  readonly signingKey: SigningKey;
  readonly search: SearchAdapter | false;
  /** @defaultValue anybody may read `/metrics` */
  readonly metricsCredentials?: Credentials;
  readonly rateLimit: boolean;
  /** @defaultValue no registration by shared secret, and no server notices */
  readonly accounts?: Pick<AdminPluginOptions, 'registration' | 'serverNotices'>;
  /** How other servers are reached. @defaultValue they are not: what is queued for them stays in the queue */
  readonly federation?: HttpsSettings & {
    /** What other servers are shown. @defaultValue they are not served */
    readonly certificate?: Certificate;
  };
  readonly logger: Logger;
}

export interface Homeserver {
  readonly admin: AdminPlugin;
  readonly db: Knex;
  readonly registry: Registry;
  /**
   * Makes missing tables, starts the plugin and serves on 127.0.0.1. Resolves to the port.
   * @param port 0: any that is free
   */
  readonly listen: (port: number) => Promise<number>;
  /**
   * Serves other servers over TLS, on all addresses, once `listen()` has made everything ready. Resolves to the port.
   * @param port 0: any that is free
   */
  readonly listenForServers: (port: number) => Promise<number>;
  /** Finishes requests, hands back jobs, and closes the database connections. */
  readonly close: () => Promise<void>;
}

/** Gauges of prom-client that are called totals, which Prometheus keeps for counters. Each has a twin by type. */
const MISNAMED_METRICS = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** Cuts statements with their values, and stacks, out of what Knex logs. The caller of the statement reports the error. */
const knexText = (message: unknown): string =>
  (describeError(message).split('\n')[0] ?? '').replace(/^(migration failed) with error: .*/, '$1');

/** Sends Knex's messages to the logger. Before the homeserver is ready they are debug messages: `listen()` throws the error. */
const knexLog = (logger: Logger, isReady: () => boolean): Knex.Logger => ({
  debug: (message) => logger.debug({}, knexText(message)),
  warn: (message) => logger[isReady() ? 'warn' : 'debug']({}, knexText(message)),
  error: (message) => logger[isReady() ? 'error' : 'debug']({}, knexText(message)),
  deprecate: (method, alternative) => logger.warn({ method, alternative }, 'Deprecated method of Knex'),
});

/** A small Matrix homeserver on Dendrite's schema, with the admin plugin mounted in its process. */
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
  const federation =
    settings.federation &&
    createFederation({ db, databaseUrl, serverName, signingKeys, logger, https: settings.federation });

  const lent = federation && { federation: federation.sender };

  // 1. Lend the plugin what the homeserver has. It closes none of it.
  const admin = createAdminPlugin(
    {
      serverName,
      db,
      signingKeys,
      logger,
      metrics: { registry },
      ...lent,
    },
    { search, ...settings.accounts, limits: rateLimit ? {} : { failedAuthentications: false, openRequests: false } },
  );
  const app = new Koa();
  // 2. Mount its routes. They parse their bodies and answer their errors themselves, so they come first.
  app.use(admin.router.routes());
  // 3. The homeserver's own routes follow. Those that write events tell `admin.search.apply()` of them.
  const router = new Router({ sensitive: true, strict: true });
  const remote = federation?.withPlugin(admin);
  const context: HostContext = {
    db,
    signingKey,
    admin,
    logger,
    ...lent,
    ...(remote !== undefined && { joinRemoteRoom: remote.joinRemoteRoom }),
  };
  addVersionsRoute(router);
  addCapabilitiesRoute(router, context);
  addLoginRoutes(router, context);
  addRoomRoutes(router, context);
  addAliasesRoute(router, context);
  addJoinRoute(router, context);
  addSearchRoute(router, context);
  addMonitorRoutes(router, context);
  addMetricsRoute(router, registry, settings.metricsCredentials);
  app.use(createResponder(logger)).use(parseJsonBody()).use(router.routes()).use(answerUnrecognized(router));

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
      // 4. Start the plugin once the homeserver's tables are there, and before the first request.
      await admin.start();
      await federation?.start();
      isReady = true;
      return server.listen(port);
    },
    listenForServers: async (port) => {
      if (federationServer === undefined) throw new Error('there is no certificate for other servers');
      return federationServer.listen(port, null);
    },
    close: async () => {
      await Promise.all([server.drain(), federationServer?.drain()]);
      try {
        // 5. Stop it before what it was lent goes away: jobs are handed back, event streams end.
        await admin.stop();
        await federation?.stop();
      } finally {
        await Promise.all([server.close(), federationServer?.close()]);
        await db.destroy();
        registry.clear();
      }
    },
  };
}
