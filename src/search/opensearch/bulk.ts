import { z } from 'zod';
import type { SearchMetrics } from '../../metrics.ts';
import { EngineError } from '../engine-error.ts';
import { halves, type Line, payloadsOf } from '../payloads.ts';
import { ONCE, PATIENT } from '../retry.ts';
import { ENGINE, type EngineClient, problemOf } from './client.ts';

/** Maximum number of refused events that an error names. */
const NAMED_EVENTS = 20;

/**
 * With these statuses, OpenSearch refuses a whole request because of one of its lines: 400 if an event id is longer than 512
 * bytes, 413 if the request is too large.
 */
const REFUSES_REQUEST: ReadonlySet<number> = new Set([400, 413]);

const answerSchema = z.object({
  items: z.array(z.record(z.string(), z.object({ status: z.number(), error: z.unknown().optional() }))),
});

/**
 * What became of the lines of one document in a bulk request. `done`: OpenSearch has stored them, or has no need to. `refused`:
 * OpenSearch can never store them. An error: OpenSearch cannot store them now.
 */
type Outcome = 'done' | 'refused' | EngineError;

/**
 * Sends additions and removals to the index behind an alias. Returns when OpenSearch has stored them durably. Lines that
 * OpenSearch cannot store now, for example because a queue or a disk is full, are sent again after a wait.
 * @throws EngineError `task` that names the first `NAMED_EVENTS` events that OpenSearch refuses. All other lines have been
 * stored. After any other error, some lines may be missing.
 */
export type SendBulk = (alias: string, lines: readonly Line[]) => Promise<void>;

/**
 * Creates the function that sends bulk requests.
 * @param payloadBytes maximum size of the body of a request, in bytes
 * @param timeoutMs time limit of a request, in ms
 */
export function createBulk(
  client: EngineClient,
  metrics: SearchMetrics,
  { payloadBytes, timeoutMs }: { readonly payloadBytes: number; readonly timeoutMs: number },
): SendBulk {
  // OpenSearch waits this long for an unavailable shard. Two thirds of the limit leave time for the answer, which has the reason.
  const timeout = `${Math.ceil((timeoutMs * 2) / 3)}ms`;
  const post = async (alias: string, lines: readonly Line[]): Promise<readonly Outcome[]> => {
    metrics.searchTasksInFlight.inc({ engine: ENGINE });
    try {
      const request = {
        method: 'POST',
        path: `/${alias}/_bulk`,
        // `require_alias`: OpenSearch must not create the index if it was deleted.
        querystring: { require_alias: true, timeout, filter_path: 'items.*.status,items.*.error' },
        bulkBody: lines.map(({ text }) => text).join(''),
      } as const;
      const { items } = answerSchema.parse(await client.send(request, ONCE));
      return items.flatMap((item) => Object.values(item).map(outcomeOf));
    } finally {
      metrics.searchTasksInFlight.dec({ engine: ENGINE });
    }
  };

  const send = async (alias: string, lines: readonly Line[]): Promise<Line[]> => {
    const refused: Line[] = [];
    let pending = lines;
    try {
      await client.retry(PATIENT, async () => {
        const outcomes = await post(alias, pending);
        refused.push(...pending.filter((_, index) => outcomes[index] === 'refused'));
        pending = pending.filter((_, index) => outcomes[index] instanceof EngineError);
        const failure = outcomes.find((outcome) => outcome instanceof EngineError);
        if (failure !== undefined) throw failure;
      });
    } catch (error) {
      if (!(error instanceof EngineError) || !REFUSES_REQUEST.has(error.status ?? 0)) throw error;
      if (pending.length === 1) refused.push(...pending);
      else for (const half of halves(pending)) refused.push(...(await send(alias, half)));
    }
    return refused;
  };

  return async (alias, lines) => {
    const refused: Line[] = [];
    for (const payload of payloadsOf(lines, payloadBytes)) refused.push(...(await send(alias, payload)));
    if (refused.length === 0) return;
    const named = refused.slice(0, NAMED_EVENTS).map(({ eventId }) => eventId);
    throw new EngineError('task', `OpenSearch refuses ${refused.length} events: ${named.join(' ')}`);
  };
}

function outcomeOf(item: { readonly status: number; readonly error?: unknown }): Outcome {
  const { status } = item;
  // 409: OpenSearch has a later version of the document, or this one already. 404 without an error: there was no document.
  if (status < 300 || status === 409 || (status === 404 && item.error === undefined)) return 'done';
  if (status === 400) return 'refused';
  const { type, reason } = problemOf(item);
  return new EngineError('status', `OpenSearch cannot write now: ${status} ${type}: ${reason}`, {
    // A node that is shutting down answers 500. The status 503 makes the retry policy try again.
    status: status === 500 ? 503 : status,
    ...(type !== undefined && { code: type }),
  });
}
