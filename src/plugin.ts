import { setMaxListeners } from 'node:events';
import type Router from '@koa/router';
import { type Accounts, createAccounts } from './accounts/accounts.ts';
import { endAdminLogins } from './accounts/end-admin-logins.ts';
import { createPasswordHasher } from './accounts/password-hasher.ts';
import { createRegistrationTokens, type RegistrationTokens } from './accounts/registration-tokens.ts';
import { createStandingCache } from './accounts/standing-cache.ts';
import { createUserTotals } from './accounts/user-totals.ts';
import type { AdminPluginOptions } from './config.ts';
import { describeError } from './errors.ts';
import type { Events, Host, Logger } from './host.ts';
import { createRouter } from './http/create-router.ts';
import { createJobWorker } from './jobs/job-worker.ts';
import { createJobs, type Jobs } from './jobs/jobs.ts';
import { createFileRemoval } from './media/file-removal.ts';
import { createMedia, createMediaStandings, type Media } from './media/media.ts';
import { createMetrics } from './metrics.ts';
import type { OperationServices } from './operations/define-operation.ts';
import { type Approvals, createApprovals } from './pipeline/approvals.ts';
import type { Pipeline } from './pipeline/call.ts';
import { missingFeatures } from './pipeline/federation-features.ts';
import { createHooks, type Hooks } from './pipeline/hooks.ts';
import { createOperationCalls } from './pipeline/operation-calls.ts';
import { createOperationFunctions, type OperationFunctions } from './pipeline/operation-functions.ts';
import { createOperationJobs, dailyOperationJobs } from './pipeline/operation-jobs.ts';
import { createRequestIds } from './pipeline/request-ids.ts';
import { reportMetrics } from './report-metrics.ts';
import { createAnnounce } from './rooms/announce.ts';
import { checkSummaries } from './rooms/check-summaries.ts';
import { createEvents } from './rooms/events.ts';
import { createRoomWriter } from './rooms/room-writer.ts';
import { createRooms, type Rooms } from './rooms/rooms.ts';
import { createServerNotices } from './rooms/server-notices.ts';
import { postgresSearch } from './search/postgres/index.ts';
import type { Search } from './search/search.ts';
import { createSearchParts } from './search/search-parts.ts';
import { resolveSettings } from './settings.ts';
import { migrateOwnSchema } from './storage/database.ts';
import { explainFailure } from './storage/explain-failure.ts';
import { removeOldDepartures } from './storage/plugin/departures.ts';
import { isSummarised, needsSummaries, type SummaryKind } from './storage/plugin/summary-states.ts';
import { mergeUserCounts } from './storage/plugin/user-counts.ts';
import { preflight } from './storage/preflight.ts';

/** The plugin, as `createAdminPlugin()` returns it. */
export interface AdminPlugin {
  /**
   * The HTTP routes. Mount them with `app.use(admin.router.routes())`: directly, under a prefix, or in a router of the host.
   */
  readonly router: Router;
  /**
   * All operations as functions. They have the same checks, hooks, audit and metrics as HTTP calls. If an operation's work is a
   * job, the call waits until the job ends. Such an operation also has a function that only starts the job, such as
   * `operations.purgeRoom.start()`. `jobs.watch()` then shows the job's progress.
   */
  readonly operations: OperationFunctions;
  /**
   * Adds hooks, which are functions of the host. The plugin calls a hook before an operation, which the hook can refuse, or
   * after an operation.
   */
  readonly hooks: Hooks;
  /** Lets before-hooks refuse a call until a second administrator has approved it. */
  readonly approvals: Approvals;
  /** Shows jobs and waits for them. */
  readonly jobs: Jobs;
  /** Searches messages. */
  readonly search: Search;
  /** Takes the events that the homeserver writes, and updates what the plugin stores about them, such as the search index. */
  readonly events: Events;
  /** Checks registration tokens, and counts their uses when people register. */
  readonly registrationTokens: RegistrationTokens;
  /** Tells whether a room accepts joins and events, and writes events into rooms. */
  readonly rooms: Rooms;
  /** Tells what administrators have decided about an account, for example that it is suspended or locked. */
  readonly accounts: Accounts;
  /** Tells whether a media file is quarantined, and locks media files so that the plugin does not remove them. */
  readonly media: Media;
  /**
   * Migrates the plugin's own tables, checks Dendrite's tables, creates the search index, and starts to run jobs. If the search
   * index is outdated, also queues its rebuild. Further calls have no effect after a success. A call after a failure tries
   * again.
   * @throws Error that says what is missing, or that the plugin has been stopped. A stopped plugin cannot be started again.
   */
  readonly start: () => Promise<void>;
  /**
   * Interrupts running jobs so that other processes can continue them, ends the responses that stream the progress of jobs,
   * waits for other work to finish, and removes the plugin's metrics from the registry. A stopped plugin cannot be started
   * again.
   */
  readonly stop: () => Promise<void>;
}

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/**
 * Creates the admin API of a homeserver. The plugin does nothing on its own before `start()`.
 * @throws Error that names every mistake in the host and the options, or if the registry already has metrics of this plugin
 */
export function createAdminPlugin(host: Host, options: AdminPluginOptions = {}): AdminPlugin {
  const config = resolveSettings(host, options);
  const logger = host.logger ?? silent;
  const { db } = host;
  const metrics = createMetrics(host.metrics?.registry);
  const stopped = new AbortController();
  // Every wait for a job adds a listener, so the number of listeners is not limited.
  setMaxListeners(0, stopped.signal);
  const hooks = createHooks(config.hooks, logger, metrics);
  const { adapter, languages } =
    typeof config.search === 'object' ? config.search : { adapter: config.search, languages: undefined };
  const search = createSearchParts(adapter ?? postgresSearch(), {
    languages,
    db,
    logger,
    metrics,
    pollIntervalMs: config.jobs.pollIntervalMs,
    leaseMs: config.jobs.leaseMs,
    connections: config.limits.connections,
  });
  const jobChanges = new EventTarget();
  setMaxListeners(0, jobChanges);
  const localServerNames = [host.serverName, ...(host.virtualHosts ?? [])];
  const events = createEvents(db, search.apply, localServerNames);
  const roomWriter = createRoomWriter({
    serverName: host.serverName,
    localServerNames,
    signingKeys: host.signingKeys,
    applyEvents: events.apply,
  });
  const standings = createStandingCache(db);
  const mediaStandings = createMediaStandings(db);
  const fileRemoval = host.media && createFileRemoval({ db, store: host.media, logger });
  const isListSummarised = async (kind: SummaryKind): Promise<boolean> => config.summaries && isSummarised(db, kind);
  const services: OperationServices = {
    db,
    serverName: host.serverName,
    localServerNames,
    roomWriter,
    serverNotices: config.serverNotices ? createServerNotices(config.serverNotices, roomWriter) : undefined,
    announce: createAnnounce(host, logger, metrics),
    hashPassword: createPasswordHasher({
      bcryptCost: config.accounts.bcryptCost,
      concurrency: config.accounts.concurrentHashes,
    }),
    standings,
    mediaStandings,
    fileRemoval,
    userTotals: createUserTotals(db, isListSummarised),
    isSummarised: isListSummarised,
    federation: host.federation,
    sharedSecret: config.registration.sharedSecret,
    requiresToken: config.registration.requiresToken,
    allowLoginAs: config.accounts.allowLoginAs,
    appservices: host.appservices ?? [],
    signingKeys: host.signingKeys,
    limits: config.limits,
    purgeAbandoned: config.rooms.purgeAbandoned || undefined,
    retention: config.rooms.retention || undefined,
    reindex: search.reindex,
    readSearchStatus: search.readStatus,
    roomRemoval: search.roomRemoval,
    removeDocuments: search.remove,
    calls: createOperationCalls(() => pipeline),
    wakeJobs: () => worker.wake(),
  };
  const worker = createJobWorker({
    db,
    kinds: createOperationJobs({ services, hooks, metrics }),
    daily: dailyOperationJobs(services),
    config: config.jobs,
    auditRetentionMs: config.audit.retentionMs,
    everyMinute: async () => {
      await removeOldDepartures(db);
      await endAdminLogins({
        db,
        localServerNames,
        ended: (userId, destinations) => {
          standings.forget(userId);
          services.announce({ users: [userId], destinations });
        },
      });
      await mergeUserCounts(db);
      if (!config.summaries) return;
      await buildSummaries();
      await checkSummaries(db, localServerNames);
    },
    logger,
    left: (jobId) => jobChanges.dispatchEvent(new Event(jobId)),
  });
  const jobs = createJobs({
    db,
    stopped: stopped.signal,
    changes: jobChanges,
    repeatMs: config.jobs.repeatProgressMs,
  });
  const pipeline: Pipeline = {
    services,
    jobs,
    hooks,
    metrics,
    logger,
    newRequestId: createRequestIds(),
  };

  reportMetrics(db, metrics);

  const requireRunning = (): void => {
    if (stopped.signal.aborted) {
      throw new Error(
        'the admin plugin has been stopped and cannot be started again: create another with createAdminPlugin()',
      );
    }
  };
  let starting: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    try {
      await preflight(db);
      await migrateOwnSchema(db);
    } catch (error) {
      throw explainFailure(error, db);
    }
    await search.start();
    for (const { feature, missing } of missingFeatures(host.federation)) {
      logger.info({ missing }, `host.federation: ${feature}`);
    }
    if (host.media === undefined) logger.info({}, 'host.media is missing, so the plugin cannot remove files of media');
    requireRunning();
    worker.start();
    fileRemoval?.start();
    if (await search.isOutdated()) await rebuildSearch();
  };

  const operations = createOperationFunctions(pipeline);
  /**
   * Queues a reindex of the search index. If this fails, for example because a hook refuses it, only logs the failure. Until
   * the reindex has ended, a search may miss events.
   */
  const rebuildSearch = async (): Promise<void> => {
    try {
      await operations.reindexFulltext.start({}, { actor: { kind: 'system', name: 'search' } });
      logger.warn({}, 'The search index is being rebuilt, because its rules for texts have changed');
    } catch (error) {
      logger.warn(
        { error: describeError(error) },
        'The search index needs a rebuild, because its rules for texts have changed. The rebuild was refused',
      );
    }
  };

  /**
   * Queues the first rebuild of the summary tables of rooms and users, if the homeserver is large. If this fails, only logs the
   * failure. Until the rebuild has ended, lists of rooms and users take longer.
   */
  const buildSummaries = async (): Promise<void> => {
    try {
      if (!(await needsSummaries(db))) return;
      await operations.rebuildSummaries.start({}, { actor: { kind: 'system', name: 'summaries' } });
      logger.info({}, 'Summaries of rooms and users are built, so that lists become quicker');
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'Could not begin to build summaries: lists stay slow');
    }
  };

  return {
    router: createRouter({ host, config, pipeline, jobs }),
    operations,
    hooks,
    approvals: createApprovals(db, hooks.callOf),
    jobs,
    search: search.search,
    events,
    registrationTokens: createRegistrationTokens(db),
    rooms: createRooms(db, roomWriter),
    accounts: createAccounts(db, standings, config.unstable),
    media: createMedia(mediaStandings),
    start: async () => {
      requireRunning();
      starting ??= begin().catch((error: unknown) => {
        starting = undefined;
        throw error;
      });
      await starting;
    },
    stop: async () => {
      stopped.abort(new Error('the admin plugin has been stopped'));
      await worker.stop();
      await fileRemoval?.stop();
      await search.stop();
      await hooks.stop();
      metrics.remove();
    },
  };
}
