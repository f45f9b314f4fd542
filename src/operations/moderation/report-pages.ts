import { z } from 'zod';
import { REPORT_STATUSES, type ReportPage, type TextFilter } from '../../storage/roomserver/event-reports.ts';

/** Input field for the id of a report. */
export const reportIdInput = z.int().min(0);

/** Input field for a filter by an id or a part of an id. */
export const partOfIdInput = z.string().min(1).max(255).optional();

/** Input fields that all lists of reports share. */
export const reportPageInput = {
  direction: z.enum(['b', 'f']).default('b'),
  limit: z.int().min(0).max(1_000).default(100),
  from: z.int().min(0).default(0),
  reporter: partOfIdInput,
  status: z.enum(REPORT_STATUSES).optional(),
};

/** Input fields of the operations that mark a report as resolved or open it again. */
export const reportStatusInput = {
  reportId: reportIdInput,
  status: z.enum(REPORT_STATUSES),
  note: z.string().max(1_000).nullable().default(null),
};

/**
 * Makes a filter by an id. A complete id matches only itself. As in Synapse, any other text matches all ids that contain the
 * text.
 */
export const filterBy = (value: string | undefined, isId: (id: string) => boolean): TextFilter | undefined =>
  value === undefined ? undefined : { text: value, isPart: !isId(value) };

/**
 * The input field `from` is a number of reports to skip if it is smaller than `FIRST_TOKEN`. Otherwise, it is a token: the sum
 * of `FIRST_TOKEN` and the id of the last report before the page.
 */
const FIRST_TOKEN = 1_000_000_000_000;

/**
 * Returns which reports to read for a page. The range has one report more than the page. If this additional report exists,
 * there is a next page.
 */
export function rangeOf({
  direction,
  limit,
  from,
}: {
  readonly direction: ReportPage['direction'];
  readonly limit: number;
  readonly from: number;
}): ReportPage {
  const start = from < FIRST_TOKEN ? { offset: from } : { offset: 0, after: from - FIRST_TOKEN };
  return { direction, ...start, limit: limit + 1 };
}

/**
 * Makes a page of the reports that were found for the range that `rangeOf()` returns. `nextToken` leads to the reports after
 * the last report of the page, even if reports are added or deleted in the meantime. It is `undefined` on the last page.
 */
export function pageOf<Report extends { readonly id: number }>(
  found: readonly Report[],
  { limit, from }: { readonly limit: number; readonly from: number },
): { readonly reports: Report[]; readonly nextToken: number | undefined } {
  const reports = found.slice(0, limit);
  const last = reports.at(-1);
  const next = last === undefined ? from : FIRST_TOKEN + last.id;
  return { reports, nextToken: found.length > limit ? next : undefined };
}
