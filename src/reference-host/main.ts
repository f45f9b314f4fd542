import { pino } from 'pino';
import type { Logger, SearchAdapter } from '../index.ts';
import { meilisearchSearch } from '../search/meilisearch/index.ts';
import { opensearchSearch } from '../search/opensearch/index.ts';
import { postgresSearch } from '../search/postgres/index.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { type Environment, parseEnvironment } from './environment.ts';
import { explainExit } from './explain-exit.ts';
import { loadCertificate } from './federation/certificate.ts';
import { createAdmin, firstSteps } from './first-steps.ts';
import { createHomeserver, type HomeserverSettings } from './homeserver.ts';
import { logDestination } from './log-destination.ts';
import { requireNode } from './require-node.ts';
import { loadSigningKey } from './signing-key.ts';
import { stopSignals } from './stop-signals.ts';

const DATABASE_DIRECTORY = '.data/postgres';
const CERTIFICATE = '.data/federation.pem';

function searchOf({ SEARCH, MEILI_URL = '', MEILI_API_KEY, ...environment }: Environment): SearchAdapter | false {
  if (SEARCH === 'off') return false;
  if (SEARCH === 'postgres') return postgresSearch();
  if (SEARCH === 'opensearch') {
    const { OPENSEARCH_URL: nodes = [], OPENSEARCH_USER: username, OPENSEARCH_PASSWORD: password } = environment;
    return opensearchSearch({ nodes, ...(username && password && { auth: { username, password } }) });
  }
  return meilisearchSearch({ url: MEILI_URL, ...(MEILI_API_KEY !== undefined && { apiKey: MEILI_API_KEY }) });
}

function accountsOf(environment: Environment): NonNullable<HomeserverSettings['accounts']> {
  const { REGISTRATION_SHARED_SECRET: sharedSecret, REGISTRATION_REQUIRES_TOKEN: requiresToken } = environment;
  return {
    registration: { requiresToken, ...(sharedSecret !== undefined && { sharedSecret }) },
    serverNotices: environment.SERVER_NOTICES ? {} : false,
    accounts: { allowLoginAs: environment.ALLOW_LOGIN_AS },
  };
}

interface Service {
  readonly environment: Environment;
  readonly logger: Logger;
  /** Resolves when the process must stop, with the result of `stopSignals()`: the name of a signal, or `a closed output`. */
  readonly signalled: Promise<string>;
}

async function serve({ environment, logger, signalled }: Service, databaseUrl: string): Promise<void> {
  const { METRICS_USER: user, METRICS_PASSWORD: password, FEDERATION_PORT: federationPort } = environment;
  const homeserver = createHomeserver({
    databaseUrl,
    signingKey: await loadSigningKey(environment.SIGNING_KEY, environment.SERVER_NAME),
    search: searchOf(environment),
    mediaDirectory: environment.MEDIA_STORE,
    rateLimit: environment.RATE_LIMIT,
    accounts: accountsOf(environment),
    federation: {
      allowPrivate: environment.FEDERATION_ALLOW_PRIVATE,
      verifyTls: environment.FEDERATION_VERIFY_TLS,
      ...(federationPort !== undefined && { certificate: await loadCertificate(CERTIFICATE, environment.SERVER_NAME) }),
    },
    logger,
    ...(user !== undefined && password !== undefined && { metricsCredentials: { user, password } }),
  });
  try {
    const port = await homeserver.listen(environment.PORT);
    if (federationPort !== undefined) {
      logger.info({ port: await homeserver.listenForServers(federationPort) }, 'Serving other servers');
    }
    const { SERVER_NAME: serverName, ADMIN_PASSWORD: adminPassword } = environment;
    if (adminPassword !== undefined) await createAdmin(homeserver, serverName, adminPassword);
    const origin = `http://127.0.0.1:${port}`;
    process.stdout.write(`ready ${origin}\n${await firstSteps(homeserver, serverName, origin)}`);
    await signalled;
    logger.info({}, 'Stopping');
  } finally {
    await homeserver.close();
  }
}

async function main(): Promise<void> {
  requireNode();
  const environment = parseEnvironment(process.env);
  const logger = pino({ level: environment.LOG_LEVEL }, logDestination());
  const service = { environment, logger, signalled: stopSignals() };
  if (environment.DATABASE_URL !== undefined) return serve(service, environment.DATABASE_URL);
  const database = await startEmbeddedPostgres({ dataDir: DATABASE_DIRECTORY, logger });
  try {
    await serve(service, database.connectionString);
  } finally {
    await database.stop();
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${explainExit(error)}\n`);
  process.exit(1);
}
