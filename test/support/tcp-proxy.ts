import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A proxy in front of a server, such as PostgreSQL, that can cut connections. */
export interface TcpProxy {
  /** The URL of the server, with the address of the proxy. */
  readonly url: string;
  /** Cuts all connections, and refuses new ones until `restore()` is called. */
  readonly cut: () => void;
  readonly restore: () => void;
  /**
   * Cuts the next connection on which a PostgreSQL client commits. `before`: the server does not receive the commit. `after`:
   * the server commits, but its answer is lost.
   */
  readonly cutAtNextCommit: (when: 'before' | 'after') => void;
  readonly close: () => Promise<void>;
}

/** The bytes of the client's query `COMMIT;`, and of the server's answer to it. */
const COMMIT = Buffer.from('COMMIT;\0');
const COMMITTED = Buffer.from('COMMIT\0');

/** Starts a proxy in front of the server at a URL, on a free port of this computer. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let isCut = false;
  let cutsCommit: 'before' | 'after' | undefined;
  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = connect(Number(port), hostname);
    let isCommitting = false;
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      if (cutsCommit !== undefined && data.includes(COMMIT)) {
        const when = cutsCommit;
        cutsCommit = undefined;
        if (when === 'before') return void client.destroy();
        isCommitting = true;
      }
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (isCommitting && data.includes(COMMITTED)) return void client.destroy();
      client.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const destroyAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: url.href,
    cut: () => {
      isCut = true;
      destroyAll();
    },
    restore: () => {
      isCut = false;
    },
    cutAtNextCommit: (when) => {
      cutsCommit = when;
    },
    close: async () => {
      destroyAll();
      server.close();
      await once(server, 'close');
    },
  };
}
