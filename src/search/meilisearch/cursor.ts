import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { SearchOrder } from '../search-index.ts';

const count = z.int().nonnegative();

const cursorSchema = z.strictObject({
  /**
   * If Meilisearch filters the hits by room, its estimate of the number of all hits. Otherwise, the number of hits on all
   * earlier pages.
   */
  count,
  at: z.discriminatedUnion('order', [
    z.strictObject({
      order: z.literal('recent'),
      /** Stream position of the last hit. Absent before the first hit. */
      stream: z.int().optional(),
      /**
       * Event ids of the hits at `stream` that earlier pages have returned, or left out because they do not match exactly.
       * Several hits may have the same stream position.
       */
      seen: z.array(z.string()).max(1_000),
    }),
    z.strictObject({
      order: z.literal('rank'),
      /** Stream position of the newest hit when the search began. Absent before the first hit. */
      newest: z.int().optional(),
      /** Number of hits before the current window. A window is a group of hits that are ranked among each other. */
      start: count,
      /** Number of matching hits in the current window that earlier pages have returned. */
      seen: count,
    }),
  ]),
});

/**
 * Where the next page of a search starts. Earlier pages contain the hits before this place, except for hits that do not match
 * the search exactly.
 */
export type Cursor = z.output<typeof cursorSchema>;

export function encodeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url');
}

/**
 * Reads a cursor, or makes the cursor of the first page if `after` is `undefined`.
 * @throws MatrixError `M_INVALID_PARAM` if `after` is not a cursor of a search in this order
 */
export function decodeCursor(after: string | undefined, order: SearchOrder): Cursor {
  if (after === undefined)
    return { count: 0, at: order === 'recent' ? { order, seen: [] } : { order, start: 0, seen: 0 } };
  const parsed = cursorSchema.safeParse(jsonOf(after));
  if (!parsed.success || parsed.data.at.order !== order) {
    throw new MatrixError('M_INVALID_PARAM', 'the page token does not belong to this search');
  }
  return parsed.data;
}

function jsonOf(after: string): unknown {
  try {
    return JSON.parse(Buffer.from(after, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
