import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './federation/certificate.ts';

/** How long `drain()` waits for running requests, in ms. */
const GRACE_MS = 10_000;
/**
 * How long an idle connection stays open, in ms. If the server closes a connection while a client sends a request over it, the
 * request is lost. So this time is longer than the usual time-outs of clients and reverse proxies, and they close the
 * connection first. Node's default of five seconds is shorter than their time-outs.
 */
const KEEP_ALIVE_MS = 75_000;
const EVENT_STREAM = /^text\/event-stream/;

export interface HttpServer {
  /**
   * Starts to listen.
   * @param host `null` means all addresses @defaultValue 127.0.0.1
   * @returns the port
   * @throws Error if the port is in use
   */
  listen(port: number, host?: string | null): Promise<number>;
  /**
   * Stops accepting connections, and waits up to ten seconds for running requests. Does not wait for answers of the type
   * `text/event-stream`.
   */
  drain(): Promise<void>;
  /** Closes the remaining connections, such as idle connections and event streams. */
  close(): Promise<void>;
}

const isStream = (response: ServerResponse): boolean => EVENT_STREAM.test(String(response.getHeader('content-type')));

/**
 * Creates an HTTP server.
 * @param certificate makes the server an HTTPS server @defaultValue the server is an HTTP server
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
