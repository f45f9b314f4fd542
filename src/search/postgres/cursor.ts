import { MatrixError } from '../../errors.ts';
import { isEventId } from '../../ids.ts';
import type { HitPlace, PositionWindow } from '../../storage/plugin/find-documents.ts';
import type { SearchOrder } from '../search-index.ts';

/** Where a page starts. */
export interface PageStart {
  /**
   * The window that contains the hits of the page, an interval of stream positions. `lower` is `undefined` if the page starts a
   * new window.
   */
  readonly window: Partial<PositionWindow> & Pick<PositionWindow, 'upper'>;
  /** The last hit of the previous page. `undefined` if that hit is in another window. */
  readonly after: HitPlace | undefined;
  /** Number of all hits, as the search for the first page has counted or estimated it. */
  readonly count: number;
}

/** Writes the text form of a page's start. */
export function cursorOf(order: SearchOrder, { window, after, count }: PageStart): string {
  const place = after && [after.rank, after.streamPosition, Buffer.from(after.eventId).toString('base64url')];
  return [order, count, window.upper, window.lower ?? '', ...(place ?? [])].join('_');
}

const CURSOR =
  /^(recent|rank)_(\d{1,15})_(\d{1,15})_(\d{0,15})(?:_(\d{1,3}(?:\.\d{1,20})?(?:e-?\d{1,3})?)_(\d{1,15})_([\w-]{1,340}))?$/;

/** Reads the text form of a page's start. @throws MatrixError `M_INVALID_PARAM` if the text is malformed or of another order */
export function parseCursor(order: SearchOrder, cursor: string): PageStart {
  const [, ofOrder, count, upper, lower, rank, position, id] = CURSOR.exec(cursor) ?? [];
  const eventId = Buffer.from(id ?? '', 'base64url').toString();
  if (ofOrder !== order || (id !== undefined && !isEventId(eventId))) {
    throw new MatrixError('M_INVALID_PARAM', 'next_batch is not valid');
  }
  return {
    window: { upper: Number(upper), ...(lower === '' ? {} : { lower: Number(lower) }) },
    after: isEventId(eventId) ? { rank: Number(rank), streamPosition: Number(position), eventId } : undefined,
    count: Number(count),
  };
}
