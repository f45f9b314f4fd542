/** The raw bulk requests with which the benchmark of the reindex compares a reindex in OpenSearch. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The requests of a reindex, for another index with the same settings. */
export interface RecordedBulk {
  readonly node: string;
  readonly bodies: readonly string[];
}

const INDEX = 'matrix_events-baseline';
/** Number of requests in parallel, as many as the adapter sends. */
const LANES = 4;

/** Runs a reindex through a proxy, and records the bodies of its bulk requests. */
export async function recordBulk(node: string, reindex: (proxyUrl: string) => Promise<unknown>): Promise<RecordedBulk> {
  const bodies: string[] = [];
  const proxy = createServer((request, response) => {
    const forward = async (): Promise<void> => {
      const body = await textOf(request);
      if (request.url?.includes('/_bulk')) bodies.push(body);
      const answer = await fetch(`${node}${request.url ?? ''}`, {
        method: request.method ?? 'GET',
        headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
        ...(body !== '' && { body }),
      });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(await answer.text());
    };
    forward().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  const url = await listen(proxy);
  try {
    await reindex(url);
  } finally {
    proxy.close();
    proxy.closeAllConnections();
  }
  return { node, bodies };
}

/** Sends the recorded requests to an empty index with the same settings. Returns the time until searches find all, in ms. */
export async function timeRawBulk({ node, bodies }: RecordedBulk): Promise<number> {
  const send = async (method: string, path: string, body?: string): Promise<void> => {
    const headers = { 'content-type': path.includes('_bulk') ? 'application/x-ndjson' : 'application/json' };
    const answer = await fetch(`${node}/${INDEX}${path}`, { method, headers, ...(body !== undefined && { body }) });
    const text = await answer.text();
    if (!answer.ok || text.includes('"error"'))
      throw new Error(`OpenSearch answered ${answer.status}: ${text.slice(0, 300)}`);
  };
  await send('PUT', '', JSON.stringify({ settings: { refresh_interval: '-1' } }));
  const startedAt = performance.now();
  const waiting = bodies.values();
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (const body of waiting) await send('POST', '/_bulk?filter_path=items.*.error', body);
    }),
  );
  await send('POST', '/_refresh');
  const ms = performance.now() - startedAt;
  await send('DELETE', '');
  return ms;
}

async function textOf(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8');
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
