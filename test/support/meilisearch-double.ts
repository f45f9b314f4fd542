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
  /** @defaultValue none: every request is let in */
  readonly masterKey?: string;
  /** Largest decoded body, in bytes. @defaultValue 104857600, 100 MiB */
  readonly payloadLimit?: number;
  /** How long each batch takes, in ms. @defaultValue 0 */
  readonly batchMs?: number;
  /** @defaultValue 0, any free one */
  readonly port?: number;
}

/** A stand-in for a Meilisearch 1.50 server: its HTTP interface, its queue and its failures, without its index. */
export interface MeilisearchDouble {
  readonly url: string;
  /** Requests so far, as `POST /indexes/events/search`. */
  readonly requests: readonly string[];
  /** Lets tasks wait in the queue. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Does the next batch of the queue, and answers its tasks as `GET /tasks` does. */
  readonly step: () => Promise<readonly JsonObject[]>;
  /** Makes something go wrong. Several faults happen one after another. */
  readonly inject: (fault: Fault) => void;
  /** Takes back faults that have not happened. */
  readonly clearFaults: () => void;
  /** Dies at once, as by `SIGKILL`: connections break off, and batches under way will be done again. */
  readonly crash: () => Promise<void>;
  /** Comes back on the same port, with the tasks and indexes that it had. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts the double on 127.0.0.1. What it does not do is refused, not passed over. */
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
