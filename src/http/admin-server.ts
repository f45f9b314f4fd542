import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Router from '@koa/router';
import Koa from 'koa';

/**
 * How long an idle connection stays open, in ms. It is longer than the time-outs of reverse proxies, so that the proxy closes a
 * connection first. Otherwise, the proxy could send a request while the server closes the connection, and the request would be
 * lost.
 */
const KEEP_ALIVE_MS = 75_000;

export interface AdminServer {
  /** The port on which the server listens. */
  readonly port: number;
  /** Stops listening, and closes all connections. */
  readonly close: () => Promise<void>;
}

export interface AdminServerSettings {
  readonly host: string;
  /** The port. 0 means any free port. */
  readonly port: number;
  /**
   * Whether the server believes the headers `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`. If `true`, only a
   * reverse proxy may be able to reach the port, because any other client could send a false address.
   */
  readonly trustProxy: boolean;
}

/** Starts an HTTP server that serves only the admin API. @throws Error if the port cannot be used */
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
