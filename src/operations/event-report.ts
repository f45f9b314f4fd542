import { z } from 'zod';
import { MatrixError } from '../errors.ts';
import type { Db } from '../storage/database.ts';
import { type EventReportWithEvent, findEventReport } from '../storage/roomserver/event-reports.ts';

/** The id of an event report, as an operation takes it. */
export const reportIdInput = z.int().min(0);

/** @throws MatrixError `M_NOT_FOUND` */
export function noSuchReport(): never {
  throw new MatrixError('M_NOT_FOUND', 'Event report not found');
}

/** @throws MatrixError `M_NOT_FOUND` */
export async function requireEventReport(db: Db, id: number): Promise<EventReportWithEvent> {
  return (await findEventReport(db, id)) ?? noSuchReport();
}
