import { z } from 'zod';
import { AUDIT_OUTCOMES, listAudit as queryAudit, type StoredAuditEntry } from '../../storage/plugin/audit.ts';
import { defineOperation } from '../define-operation.ts';
import { timeInput } from './time-input.ts';

/** A page of the audit, newest first. */
export const listAudit = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({
    operation: z.string().max(100).optional(),
    outcome: z.enum(AUDIT_OUTCOMES).optional(),
    actor: z.string().max(300).optional(),
    target: z.string().max(300).optional(),
    /** ms since the epoch, inclusive. */
    since: timeInput.optional(),
    /** ms since the epoch, exclusive. */
    until: timeInput.optional(),
    limit: z.int().min(1).max(1_000).default(100),
    /** `nextToken` of the page before. */
    from: z.int().min(0).optional(),
  }),
  run: async (
    { db },
    { limit, from, ...filter },
  ): Promise<{ entries: StoredAuditEntry[]; nextToken: number | undefined }> => {
    const found = await queryAudit(db, filter, limit + 1, from);
    const entries = found.slice(0, limit);
    return { entries, nextToken: found.length > limit ? entries.at(-1)?.id : undefined };
  },
});
