import { toError } from '../errors.ts';
import type { JobBody } from './admin-client.ts';

/**
 * Delays before the attempts to connect again after a lost connection, in ms. If the last attempt fails too, `followJob()`
 * throws the error.
 */
const PAUSES_MS = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

interface Source {
  /** Opens the stream of server-sent events of the job. */
  readonly open: () => Promise<ReadableStream<Uint8Array>>;
  /** Reads the job once. This works even behind a proxy that does not pass streams through. */
  readonly look: () => Promise<JobBody>;
  /** Tells whether an error means that the homeserver could not be reached, so that another attempt makes sense. */
  readonly isUnreachable: (error: unknown) => boolean;
  readonly signal: AbortSignal | undefined;
}

const isFinished = ({ state }: JobBody): boolean => state !== 'queued' && state !== 'running';

/**
 * Yields a job at once and after each change, until the job has ended. If the connection is lost, tries for about a minute to
 * connect again.
 */
export async function* followJob({ open, look, isUnreachable, signal }: Source): AsyncGenerator<JobBody> {
  for (let losses = 0; ; losses += 1) {
    try {
      for await (const job of jobsIn(await open(), signal)) {
        losses = 0;
        yield job;
        if (isFinished(job)) return;
      }
      // The stream has ended, but the job may not have ended.
      const job = await look();
      yield job;
      if (isFinished(job)) return;
      losses = 0;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isUnreachable(error) || losses >= PAUSES_MS.length) throw error;
    }
    await pause(PAUSES_MS[losses] ?? 0, signal);
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(toError(signal.reason));
    });
  });
}

/**
 * Yields the jobs in a stream of server-sent events (WHATWG, `text/event-stream`). If the connection is lost, the generator
 * ends.
 */
async function* jobsIn(stream: ReadableStream<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<JobBody> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((): { done: true; value: undefined } => {
        signal?.throwIfAborted();
        return { done: true, value: undefined };
      });
      if (done) return;
      const [last = '', ...blocks] = (rest + decoder.decode(value, { stream: true })).split('\n\n').reverse();
      rest = last;
      for (const block of blocks.reverse()) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) yield JSON.parse(data) as JobBody;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
