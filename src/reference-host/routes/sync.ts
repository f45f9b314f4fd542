import type Router from '@koa/router';
import type { Context } from 'koa';
import { MatrixError } from '../../index.ts';
import { splitUserId } from '../../matrix/index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { clientPaths, queryOf } from '../request-parameters.ts';
import type { Device } from '../storage/devices.ts';
import { findFilter } from '../storage/filters.ts';
import { countKeys } from '../storage/sync-extras.ts';
import { listPresentRooms } from '../storage/sync-memberships.ts';
import { parseFilter, type SyncFilter } from '../sync/filter.ts';
import { latest, parseToken } from '../sync/position.ts';
import { readSyncAnswer, type SyncAnswer } from '../sync/sync-answer.ts';
import type { SyncRequest } from '../sync/sync-request.ts';
import type { SyncStreams } from '../sync/sync-streams.ts';

/** The longest time that a request waits, in ms. Reverse proxies usually end requests after one minute. */
const LONGEST_WAIT_MS = 55_000;

/** Adds the route `/sync`. Source: Client-Server API, "Syncing". */
export function addSyncRoute(router: Router, context: HostContext, streams: SyncStreams): void {
  router.get(clientPaths('/sync'), async (ctx) => {
    const device = await authenticate(ctx, context);
    const since = queryOf(ctx, 'since');
    const answer = await answerWithin(timeoutOf(ctx), ctx, streams, context, {
      device,
      filter: await filterOf(ctx, context, device),
      fullState: queryOf(ctx, 'full_state') === 'true',
      since: since === undefined ? undefined : parseToken(since),
    });
    // If the client has closed the connection, nobody would receive an answer.
    if (!ctx.writable) return;
    const { oneTime, unusedFallback } = await countKeys(context.db, device);
    ctx.body = {
      ...answer.body,
      device_one_time_keys_count: oneTime,
      device_unused_fallback_key_types: unusedFallback,
    };
  });
}

/**
 * Returns an answer at once if it has something new, if the request has no `since`, or if the client asks for the full state.
 * Otherwise, waits for something new. Returns an empty answer when the time limit is over, when the client closes the
 * connection, or when the homeserver stops.
 */
async function answerWithin(
  limitMs: number,
  ctx: Context,
  streams: SyncStreams,
  context: HostContext,
  question: Pick<SyncRequest, 'device' | 'filter' | 'fullState' | 'since'>,
): Promise<SyncAnswer> {
  const over = new AbortController();
  const end = (): void => over.abort();
  const timer = setTimeout(end, limitMs);
  ctx.res.once('close', end);
  try {
    let { since } = question;
    let settled = await streams.settle();
    for (;;) {
      // A position is settled if no running transaction can add rows before it. If the client got its position `since` from
      // another process, this position may be later than `settled`. It is settled too.
      const upTo = since === undefined ? settled : latest(settled, since);
      const answer = await readSyncAnswer(context, { ...question, since, upTo, now: Date.now() });
      const { isEmpty, position } = answer;
      if (since === undefined || question.fullState || !isEmpty) return answer;
      since = position;
      const { userId } = question.device;
      const rooms = await listPresentRooms(context.db, userId);
      const news = await streams.wait({ userId, rooms, position, signal: over.signal });
      if (news === undefined) return answer;
      settled = news;
    }
  } finally {
    clearTimeout(timer);
    ctx.res.off('close', end);
  }
}

function timeoutOf(ctx: Context): number {
  const timeout = queryOf(ctx, 'timeout') ?? '0';
  if (!/^\d{1,9}$/.test(timeout)) throw new MatrixError('M_INVALID_PARAM', 'timeout is not a number of milliseconds');
  return Math.min(Number(timeout), LONGEST_WAIT_MS);
}

/**
 * Reads the query parameter `filter`, which is JSON or the id of a stored filter. Without the parameter, returns the empty
 * filter.
 * @throws MatrixError `M_NOT_FOUND` if there is no filter with the id, `M_BAD_JSON` if the text is not a filter
 */
async function filterOf(ctx: Context, { db }: HostContext, { userId }: Device): Promise<SyncFilter> {
  const filter = queryOf(ctx, 'filter') ?? '{}';
  if (filter.startsWith('{')) return parseFilter(jsonOf(filter));
  const stored = await findFilter(db, splitUserId(userId).localpart, filter);
  if (stored === undefined) throw new MatrixError('M_NOT_FOUND', 'No such filter');
  return parseFilter(stored);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MatrixError('M_BAD_JSON', 'filter is not JSON');
  }
}
