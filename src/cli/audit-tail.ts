import { setTimeout as delay } from 'node:timers/promises';
import { isRecord } from '../json.ts';
import type { Connection } from './connect.ts';
import { showAnswer } from './show-answer.ts';
import type { Terminal } from './terminal.ts';

/** Time between two requests for new entries of the audit, in ms. */
const EVERY_MS = 1_000;
/** Number of entries of the audit that are shown at the beginning. */
const FIRST = 20;

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
  let last = -1;
  for (let limit = FIRST; !signal.aborted; limit = 1_000) {
    const answer = await client.request('listAudit', { limit }, { signal });
    const entries = isRecord(answer) && Array.isArray(answer.entries) ? answer.entries.filter(isRecord).reverse() : [];
    const fresh = entries.filter(({ id }) => Number(id) > last);
    last = Math.max(last, ...fresh.map(({ id }) => Number(id)));
    if (asJson) for (const entry of fresh) terminal.stdout.write(`${JSON.stringify(entry)}\n`);
    else if (fresh.length > 0) showAnswer(terminal, { entries: fresh }, false);
    if (!follow) return;
    await delay(EVERY_MS, undefined, { signal }).catch(() => {});
  }
}
