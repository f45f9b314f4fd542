import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LIBRARY } from './download.ts';

const SIZE = 3;

/** One node of the cluster, a process of its own. */
export interface ClusterNode {
  readonly url: string;
  readonly start: () => void;
  /** Sends a signal to the process. With `SIGKILL`, waits until the process has ended. */
  readonly signal: (name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => Promise<void>;
}

export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly urls: readonly string[];
  /** Sends a request to the first node that answers, as an operator does. */
  readonly ask: (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;
  /** Waits until the cluster has all its nodes and all copies of all shards. */
  readonly untilWhole: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/**
 * Starts three nodes of OpenSearch on free ports, and waits until they have found each other.
 * @param settings further settings of each node, as `name=value`
 */
export async function startCluster(settings: readonly string[] = []): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), 'koa-matrix-admin-opensearch-'));
  const ports = await freePorts(2 * SIZE);
  const names = Array.from({ length: SIZE }, (_, index) => `node${index}`);
  const nodes = names.map((name, index) =>
    createNode(name, {
      home: join(directory, name),
      httpPort: ports[index] ?? 0,
      // The node's own port comes first.
      transportPorts: [...ports.slice(SIZE + index), ...ports.slice(SIZE, SIZE + index)],
      names,
      settings,
    }),
  );
  const urls = nodes.map(({ url }) => url);
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.signal('SIGKILL')));
    await rm(directory, { recursive: true, force: true });
  };
  process.once('exit', () => nodes.forEach((node) => void node.signal('SIGKILL')));
  for (const node of nodes) node.start();

  const ask: Cluster['ask'] = async (method, path, body) => {
    const request = {
      method,
      signal: AbortSignal.timeout(70_000),
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    };
    for (const url of urls) {
      const response = await fetch(`${url}${path}`, request).catch(() => undefined);
      if (response !== undefined) return (await response.json()) as Record<string, unknown>;
    }
    throw new Error('no node of OpenSearch answers');
  };
  const untilWhole = async (): Promise<void> => {
    const until = Date.now() + 100_000;
    const path = `/_cluster/health?wait_for_nodes=${SIZE}&wait_for_status=green&timeout=10s`;
    while (Date.now() < until) {
      const health = await ask('GET', path).catch(() => undefined);
      if (health?.timed_out === false) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error('the cluster of OpenSearch did not become whole');
  };
  try {
    await untilWhole();
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, urls, ask, untilWhole, stop };
}

interface NodeSettings {
  readonly home: string;
  readonly httpPort: number;
  readonly transportPorts: readonly number[];
  readonly names: readonly string[];
  readonly settings: readonly string[];
}

function createNode(name: string, { home, httpPort, transportPorts, names, settings }: NodeSettings): ClusterNode {
  let child: ChildProcess | undefined;
  return {
    url: `http://127.0.0.1:${httpPort}`,
    start: () => {
      const program = join(import.meta.dirname, 'OpenSearchNode.java');
      const memory = ['-Xms256m', '-Xmx448m', '-XX:+UseSerialGC'];
      const cluster = [transportPorts.join(','), names.join(',')];
      const options = [
        ...memory,
        '-cp',
        join(LIBRARY, '*'),
        program,
        home,
        name,
        String(httpPort),
        ...cluster,
        ...settings,
      ];
      child = spawn('java', options, { stdio: 'ignore' });
    },
    signal: async (signal) => {
      const target = child;
      if (target === undefined || target.exitCode !== null || target.signalCode !== null) return;
      target.kill(signal);
      if (signal === 'SIGKILL') await once(target, 'exit');
    },
  };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return ports;
}
