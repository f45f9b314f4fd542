import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa, { type Middleware } from 'koa';
import { koaBody } from 'koa-body';
import { Registry } from 'prom-client';
import type { AdminPluginOptions } from '../../src/config.ts';
import type { Host } from '../../src/host.ts';
import { type AdminPlugin, createAdminPlugin } from '../../src/plugin.ts';
import { createCapturedLogger } from './captured-logger.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createSigningKey, SERVER_NAME, USERS } from './dendrite-server.ts';
import { type Answer, type RequestOptions, request } from './http-client.ts';
import { recordOutput } from './test-output.ts';

/** A way in which a host mounts the plugin. */
export interface Mount {
  readonly name: string;
  /** The prefix under which the plugin's paths are. */
  readonly prefix: string;
  /** Whether the host parses bodies before the plugin does, and answers malformed bodies itself. */
  readonly parsesBodies: boolean;
  readonly use: (app: Koa, admin: AdminPlugin) => void;
}

const direct = (app: Koa, { router }: AdminPlugin): void => {
  app.use(router.routes()).use(router.allowedMethods());
};

const hostErrorHandler: Middleware = async (ctx, next) => {
  try {
    await next();
  } catch {
    ctx.status = 418;
    ctx.body = 'an error reached the host';
  }
  if (ctx.status === 404 && !ctx.body) {
    ctx.status = 404;
    ctx.body = 'nothing here';
  }
};

export const MOUNTS: readonly Mount[] = [
  { name: 'at the root', prefix: '', parsesBodies: false, use: direct },
  {
    name: 'with router.prefix()',
    prefix: '/x',
    parsesBodies: false,
    use: (app, admin) => {
      admin.router.prefix('/x');
      direct(app, admin);
    },
  },
  {
    name: 'nested in a router of the host',
    prefix: '/of/the/host',
    parsesBodies: false,
    use: (app, admin) => {
      const router = new Router({ prefix: '/of' });
      router.use('/the/host', admin.router.routes(), admin.router.allowedMethods());
      app.use(router.routes());
    },
  },
  {
    name: "behind the host's body parser",
    prefix: '',
    parsesBodies: true,
    use: (app, admin) => {
      app.use(koaBody());
      direct(app, admin);
    },
  },
  {
    name: 'inside an error handler of the host',
    prefix: '',
    parsesBodies: false,
    use: (app, admin) => {
      app.use(hostErrorHandler);
      direct(app, admin);
    },
  },
];

export const ROOT_MOUNT: Mount = { name: 'at the root', prefix: '', parsesBodies: false, use: direct };

/** Options with which every route exists. */
export const ALL_ROUTES: AdminPluginOptions = {
  serverNotices: {},
  registration: { sharedSecret: 'shared', requiresToken: true },
  accounts: { bcryptCost: 4 },
  unstable: { msc4390: true },
};

export interface MountOptions {
  readonly mount?: Mount;
  /** The database. @defaultValue a copy of the recorded database, which `close()` drops */
  readonly database?: TestDatabase;
  readonly options?: AdminPluginOptions;
  readonly host?: Partial<Host>;
  /** The value of Koa's `app.proxy`. */
  readonly proxy?: boolean;
}

export interface MountedPlugin {
  readonly admin: AdminPlugin;
  readonly app: Koa;
  readonly database: TestDatabase;
  readonly registry: Registry;
  readonly logger: ReturnType<typeof createCapturedLogger>;
  /** Errors that have reached Koa. There should be none, because the plugin answers its own errors. */
  readonly appErrors: Error[];
  readonly origin: string;
  readonly prefix: string;
  /** Sends a request to a path below the mount's prefix. */
  readonly request: (path: string, options?: RequestOptions) => Promise<Answer>;
  /** Sends a request as the recorded administrator. */
  readonly asAdmin: (path: string, options?: RequestOptions) => Promise<Answer>;
  /** Returns the value of a counter or gauge. Returns 0 if it has no value. */
  readonly metric: (name: string, labels?: Readonly<Record<string, string>>) => Promise<number>;
  readonly close: () => Promise<void>;
}

export const bearer = (token: string): { Authorization: string } => ({ Authorization: `Bearer ${token}` });

/** Serves the plugin on a port of 127.0.0.1, between two routes of a host. Failed authentications are not limited. */
export async function mountPlugin(settings: MountOptions = {}): Promise<MountedPlugin> {
  const { mount = ROOT_MOUNT, options = {} } = settings;
  const database = settings.database ?? (await createTestDatabase({ fixture: true }));
  const registry = new Registry();
  const logger = createCapturedLogger();
  const admin = createAdminPlugin(
    {
      serverName: SERVER_NAME,
      db: database.pluginDb,
      signingKeys: [SERVER_NAME, ...(settings.host?.virtualHosts ?? [])].map((name) => createSigningKey(name)),
      logger,
      metrics: { registry },
      ...settings.host,
    },
    { ...options, limits: { failedAuthentications: false, openRequests: false, ...options.limits } },
  );
  const app = new Koa();
  app.proxy = settings.proxy ?? false;
  const appErrors: Error[] = [];
  app.on('error', (error: Error) => appErrors.push(error));
  mount.use(app, admin);
  app.use(async (ctx, next) => {
    if (ctx.path === '/host') ctx.body = 'the host';
    else await next();
  });
  await admin.start();
  const handle = app.callback();
  // The larger limit lets long access tokens reach the plugin. By default, Node refuses more than 16 KiB of headers.
  const server = createServer({ maxHeaderSize: 262_144 }, (incoming, outgoing) => void handle(incoming, outgoing));
  const origin = await listen(server);
  const send: MountedPlugin['request'] = (path, init) => request(origin, mount.prefix + path, init);
  return {
    admin,
    app,
    database,
    registry,
    logger,
    appErrors,
    origin,
    prefix: mount.prefix,
    request: send,
    asAdmin: (path, init = {}) =>
      send(path, { ...init, headers: { ...bearer(USERS.admin.access_token), ...init.headers } }),
    metric: async (name, labels = {}) => {
      const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
      return values
        .filter((value) => Object.entries(labels).every(([key, wanted]) => value.labels[key] === wanted))
        .reduce((sum, { value }) => sum + value, 0);
    },
    close: async () => {
      // The test may have broken the database. Reading the metrics then fails.
      recordOutput('record', await registry.metrics().catch(() => ''));
      await admin.stop();
      await close(server);
      if (settings.database === undefined) await database.drop();
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
}
