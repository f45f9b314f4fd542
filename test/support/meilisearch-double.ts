import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createFaults, type Fault } from './meilisearch-double/faults.ts';
import { createScheduler } from './meilisearch-double/scheduler.ts';
import { createSearch } from './meilisearch-double/search.ts';
import { serve } from './meilisearch-double/server.ts';
import { createState } from './meilisearch-double/state.ts';
import type { JsonObject } from './meilisearch-double/values.ts';

export type { Fault } from './meilisearch-double/faults.ts';

export interface MeilisearchDoubleOptions {
  /** The master key. @defaultValue no key: every request is allowed */
  readonly masterKey?: string;
  /** Maximum size of a decoded body, in bytes. @defaultValue 104857600, 100 MiB */
  readonly payloadLimit?: number;
  /** Duration of each batch, in ms. @defaultValue 0 */
  readonly batchMs?: number;
  /** Port on which the double listens. @defaultValue 0, any free port */
  readonly port?: number;
}

/**
 * A stand-in for a Meilisearch 1.50 server, called the double. It has the server's HTTP interface, queue and failures, but not
 * its index.
 */
export interface MeilisearchDouble {
  readonly url: string;
  /** All requests so far, each in a form such as `POST /indexes/events/search`. */
  readonly requests: readonly string[];
  /** Stops the processing of queued tasks. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Processes the next batch of the queue. @returns the tasks of the batch, in the format of `GET /tasks` */
  readonly step: () => Promise<readonly JsonObject[]>;
  /** Makes a fault happen. If several faults are injected, they happen one after another. */
  readonly inject: (fault: Fault) => void;
  /** Removes faults that have not happened yet. */
  readonly clearFaults: () => void;
  /**
   * Ends the double as `SIGKILL` ends a server. Connections are cut, and batches that were running are repeated after the
   * restart.
   */
  readonly crash: () => Promise<void>;
  /** Starts again on the same port, with the same tasks and indexes. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/**
 * Starts the double on 127.0.0.1. If a request uses a feature that the double does not support, it refuses the request instead
 * of ignoring the feature.
 */
export async function startMeilisearchDouble(options: MeilisearchDoubleOptions = {}): Promise<MeilisearchDouble> {
  const { masterKey, payloadLimit = 100 * 1024 * 1024, batchMs = 0, port = 0 } = options;
  const state = createState();
  const faults = createFaults();
  const scheduler = createScheduler(state, faults, batchMs);
  const requests: string[] = [];
  const context = {
    state,
    scheduler,
    search: createSearch(),
    faults,
    masterKey,
    payloadLimit,
    onRequest: ({ method, path }: { readonly method: string; readonly path: string }) => {
      requests.push(`${method} ${path}`);
    },
  };
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    serve(context, request, response).catch(() => request.socket.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });

  const listeningPort = await listen(server, port);
  const down = async (): Promise<void> => {
    scheduler.crash();
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };

  return {
    url: `http://127.0.0.1:${listeningPort}`,
    requests,
    pause: scheduler.pause,
    resume: scheduler.resume,
    step: scheduler.step,
    inject: faults.inject,
    clearFaults: faults.clear,
    crash: down,
    restart: async () => {
      await listen(server, listeningPort);
      scheduler.restart();
    },
    stop: down,
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
