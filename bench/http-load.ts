/**
 * An HTTP client that needs little CPU time compared to the server. It keeps its connections open, and needs answers with a
 * Content-Length.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Target {
  readonly port: number;
  readonly token?: string;
  /** Returns the path of each request. */
  readonly path: (n: number) => string;
  readonly method?: string;
  readonly body?: (n: number) => string;
}

/** Sends requests one after another, until `next` returns none. @returns the number of requests */
async function useConnection(socket: Socket, next: () => string | undefined): Promise<number> {
  let answered = 0;
  let received: Buffer = Buffer.alloc(0);
  for (let request = next(); request !== undefined; request = next()) {
    socket.write(request);
    for (let isWhole = false; !isWhole; ) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      isWhole = isWholeAnswer(received);
    }
    received = Buffer.alloc(0);
    answered += 1;
  }
  return answered;
}

/** Tells whether a whole answer has been received. @throws Error if the status is not 200 */
function isWholeAnswer(received: Buffer): boolean {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const head = received.toString('latin1', 0, headEnd);
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(received.toString('utf8'));
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
  return received.length >= headEnd + 4 + length;
}

function requestOf({ method = 'GET', path, token, body }: Target, n: number): string {
  const content = body?.(n) ?? '';
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
  return `${method} ${path(n)} HTTP/1.1\r\nHost: localhost\r\n${authorization}Content-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`;
}

async function load(target: Target, connections: number, isOver: (n: number) => boolean): Promise<number> {
  let sent = 0;
  const next = (): string | undefined => {
    if (isOver(sent)) return undefined;
    sent += 1;
    return requestOf(target, sent);
  };
  const counts = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(target.port, '127.0.0.1');
      socket.setNoDelay(true);
      try {
        return await useConnection(socket, next);
      } finally {
        socket.destroy();
      }
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Measures for `ms` how many answers arrive. @returns answers per second */
export async function rateOf(target: Target, connections: number, ms: number): Promise<number> {
  const startedAt = performance.now();
  const answered = await load(target, connections, () => performance.now() - startedAt > ms);
  return (answered / (performance.now() - startedAt)) * 1_000;
}

/** Sends `count` requests. @returns the duration in ms */
export async function timeOf(target: Target, connections: number, count: number): Promise<number> {
  const startedAt = performance.now();
  await load(target, connections, (sent) => sent >= count);
  return performance.now() - startedAt;
}
