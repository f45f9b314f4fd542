import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Router from '@koa/router';
import Koa from 'koa';

/** Longer than the time-outs of reverse proxies, which then close an idle connection first and lose no request. In ms. */
const KEEP_ALIVE_MS = 75_000;

export interface AdminServer {
  /** The port. */
  readonly port: number;
  /** Stops listening, and closes all connections. */
  readonly close: () => Promise<void>;
}

export interface AdminServerSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Whether `X-Forwarded-For` names the client. Only a reverse proxy may reach the port then. */
  readonly trustProxy: boolean;
}

/** Serves the admin API in a server of its own. @throws Error if the port cannot be used */
export async function startAdminServer(
  router: Router,
  { host, port, trustProxy }: AdminServerSettings,
): Promise<AdminServer> {
  const app = new Koa();
  app.proxy = trustProxy;
  app.use(router.routes());
  const handle = app.callback();
  const server = createServer((request, response) => void handle(request, response));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
