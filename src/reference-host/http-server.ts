import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './federation/certificate.ts';

/** How long requests may take to finish once the server stops, in ms. */
const GRACE_MS = 10_000;
/**
 * How long an idle connection is kept, in ms: for longer than clients and reverse proxies usually do. Whoever sends a request
 * while the server closes the connection loses it; after Node's five seconds that happens as soon as a process is held up.
 */
const KEEP_ALIVE_MS = 75_000;
const EVENT_STREAM = /^text\/event-stream/;

export interface HttpServer {
  /**
   * Listens. Resolves to the port.
   * @param host `null`: on all addresses @defaultValue 127.0.0.1
   * @throws Error when the port is taken.
   */
  listen(port: number, host?: string | null): Promise<number>;
  /** Accepts no more, and waits up to ten seconds for requests under way. Event streams are not waited for. */
  drain(): Promise<void>;
  /** Cuts what is left: idle connections, event streams. */
  close(): Promise<void>;
}

const isStream = (response: ServerResponse): boolean => EVENT_STREAM.test(String(response.getHeader('content-type')));

/**
 * An HTTP server that stops without losing answers and without waiting for keep-alive connections.
 * @param certificate makes it an HTTPS server
 */
export function createHttpServer(
  handle: (request: IncomingMessage, response: ServerResponse) => unknown,
  certificate?: Certificate,
): HttpServer {
  const open = new Set<ServerResponse>();
  let draining = false;
  let settle = (): void => {};
  const finished = (): boolean => [...open].every(isStream);

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    open.add(response);
    if (draining) response.setHeader('Connection', 'close');
    response.once('close', () => {
      open.delete(response);
      if (finished()) settle();
    });
    handle(request, response);
  };
  const server = certificate === undefined ? createServer(answer) : createTlsServer({ ...certificate }, answer);
  server.keepAliveTimeout = KEEP_ALIVE_MS;

  return {
    listen: (port, host: string | null = '127.0.0.1') =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, ...(host !== null && { host }) }, () => {
          server.off('error', reject);
          resolve((server.address() as AddressInfo).port);
        });
      }),
    drain: async () => {
      draining = true;
      server.close();
      for (const response of open) if (!response.headersSent) response.setHeader('Connection', 'close');
      if (finished()) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, GRACE_MS);
        settle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
