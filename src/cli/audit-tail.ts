import { setTimeout as delay } from 'node:timers/promises';
import type { Answers } from '../client/answers.ts';
import type { Connection } from './connect.ts';
import { showAnswer } from './show-answer.ts';
import type { Terminal } from './terminal.ts';

/** Time between two requests for new entries of the audit, in ms. */
const EVERY_MS = 1_000;
/** Number of entries of the audit that are shown at the beginning. */
const FIRST = 20;
/** Number of entries in one request while new entries are shown. */
const PAGE = 1_000;

type Entry = Answers['listAudit']['entries'][number];

interface Tail {
  readonly follow: boolean;
  readonly asJson: boolean;
  readonly signal: AbortSignal;
}

/**
 * Shows the last entries of the audit, which records who called which operation. The oldest of them comes first. If `follow` is
 * `true`, goes on to show each new entry until the signal is aborted.
 */
export async function tailAudit(
  { client }: Connection,
  terminal: Terminal,
  { follow, asJson, signal }: Tail,
): Promise<void> {
  /** The ids of the entries that the previous round read. An entry with a smaller id may still be committed later. */
  let known: ReadonlySet<number> | undefined;
  while (!signal.aborted) {
    const entries = await readNewest(client, known, follow ? PAGE : FIRST, signal);
    const fresh = entries.filter(({ id }, index) => (known === undefined ? index < FIRST : !known.has(id))).reverse();
    known = new Set(entries.map(({ id }) => id));
    if (asJson) terminal.stdout.write(fresh.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    else if (fresh.length > 0) showAnswer(terminal, { entries: fresh }, false);
    if (!follow) return;
    await delay(EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

/** Reads the newest page of the audit. If `known` is given, reads more pages until one has a known entry. */
async function readNewest(
  client: Connection['client'],
  known: ReadonlySet<number> | undefined,
  limit: number,
  signal: AbortSignal,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let from: number | undefined; ; ) {
    const input = { limit, ...(from !== undefined && { from }) };
    const { entries: page, next_token: next } = await client.request('listAudit', input, { signal });
    entries.push(...page);
    if (known === undefined || next === undefined || page.some(({ id }) => known.has(id))) return entries;
    from = Number(next);
  }
}
