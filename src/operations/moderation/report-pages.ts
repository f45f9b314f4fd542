import { z } from 'zod';
import { REPORT_STATUSES, type ReportPage, type TextFilter } from '../../storage/roomserver/event-reports.ts';

/** The id of a report, as an operation takes it. */
export const reportIdInput = z.int().min(0);

/** A filter by an id or a part of one, as an operation takes it. */
export const partOfIdInput = z.string().min(1).max(255).optional();

/** What every list of reports takes. */
export const reportPageInput = {
  direction: z.enum(['b', 'f']).default('b'),
  limit: z.int().min(0).max(1_000).default(100),
  from: z.int().min(0).default(0),
  reporter: partOfIdInput,
  status: z.enum(REPORT_STATUSES).optional(),
};

/** What resolves a report, or opens it again. */
export const reportStatusInput = {
  reportId: reportIdInput,
  status: z.enum(REPORT_STATUSES),
  note: z.string().max(1_000).nullable().default(null),
};

/** A complete id matches exactly. Anything else matches ids that contain it, as in Synapse. */
export const filterBy = (value: string | undefined, isId: (id: string) => boolean): TextFilter | undefined =>
  value === undefined ? undefined : { text: value, isPart: !isId(value) };

/** A `from` below this number skips so many reports. A `from` at or above it names the report after which the page starts. */
const FIRST_TOKEN = 1_000_000_000_000;

/** Where a page starts, and how many reports to read: one more than are shown tells whether there are more. */
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

/** The reports of a page. `nextToken` continues after the last of them, even if reports come or go meanwhile. */
export function pageOf<Report extends { readonly id: number }>(
  found: readonly Report[],
  { limit, from }: { readonly limit: number; readonly from: number },
): { readonly reports: Report[]; readonly nextToken: number | undefined } {
  const reports = found.slice(0, limit);
  const last = reports.at(-1);
  const next = last === undefined ? from : FIRST_TOKEN + last.id;
  return { reports, nextToken: found.length > limit ? next : undefined };
}
