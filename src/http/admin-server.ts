import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Router from '@koa/router';
import Koa from 'koa';

/**
 * How long an idle connection stays open, in ms. It is longer than the time-outs of reverse proxies, so that the proxy closes a
 * connection first. Otherwise, a request could be lost that the proxy sends while the server closes the connection.
 */
const KEEP_ALIVE_MS = 75_000;

export interface AdminServer {
  /** The port. */
  readonly port: number;
  /** Stops listening, and closes all connections. */
  readonly close: () => Promise<void>;
}

export interface AdminServerSettings {
  readonly host: string;
  /** The port. 0 means any free port. */
  readonly port: number;
  /**
   * Whether the header `X-Forwarded-For` has the address of the client. If so, only a reverse proxy may be able to reach the
   * port.
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
