import { z } from 'zod';
import { isRoomId, isUserId } from '../ids.ts';
import {
  countEventReports,
  type EventReport,
  listEventReports as queryReports,
  REPORT_STATUSES,
  type TextFilter,
} from '../storage/roomserver/event-reports.ts';
import { defineOperation } from './define-operation.ts';
import { userIdInput } from './user-id-input.ts';

/** `from` below this is a number of reports to leave out; from this on it goes on after the report of an id. */
const FIRST_TOKEN = 1_000_000_000_000;

const text = z.string().min(1).max(255).optional();

/** A whole id is that one alone; anything else is looked for in the ids, as Synapse does. */
const filterBy = (value: string | undefined, isId: (id: string) => boolean): TextFilter | undefined =>
  value === undefined ? undefined : { text: value, isPart: !isId(value) };

/**
 * A page of event reports. Its `nextToken` goes on after the last report shown, whatever is reported or deleted meanwhile.
 * Dendrite: `GET /_synapse/admin/v1/event_reports`, where reports of the same event or of purged rooms fail all.
 */
export const listEventReports = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({
    /** `b`: newest first; `f`: oldest first. */
    direction: z.enum(['b', 'f']).default('b'),
    limit: z.int().min(0).max(1_000).default(100),
    /** `nextToken` of the page before, or how many reports to leave out. */
    from: z.int().min(0).default(0),
    /** Who has reported: a user id or a part of one. */
    reporter: text,
    /** A room id or a part of one. */
    roomId: text,
    /** Who has sent the event. */
    sender: userIdInput.optional(),
    status: z.enum(REPORT_STATUSES).optional(),
  }),
  run: async (
    { db },
    { direction, limit, from, reporter, roomId, sender, status },
  ): Promise<{ reports: EventReport[]; total: number; nextToken: number | undefined }> => {
    const filter = { reporter: filterBy(reporter, isUserId), room: filterBy(roomId, isRoomId), sender, status };
    const start = from < FIRST_TOKEN ? { offset: from } : { offset: 0, after: from - FIRST_TOKEN };
    const found = await queryReports(db, filter, { direction, ...start, limit: limit + 1 });
    const reports = found.slice(0, limit);
    const last = reports.at(-1);
    return {
      reports,
      total: await countEventReports(db, filter),
      nextToken: found.length <= limit ? undefined : last === undefined ? from : FIRST_TOKEN + last.id,
    };
  },
});
