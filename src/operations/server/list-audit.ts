import { z } from 'zod';
import { AUDIT_OUTCOMES, readAudit, type StoredAuditEntry } from '../../storage/plugin/audit.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { timeInput } from './time-input.ts';

/**
 * Lists the entries of the audit, newest first, page by page. An entry says who has called which operation, and with what
 * outcome.
 */
export const listAudit = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Only entries about this operation. @defaultValue all entries */
    operation: z.string().max(100).optional(),
    /** Only entries with this outcome. @defaultValue all entries */
    outcome: z.enum(AUDIT_OUTCOMES).optional(),
    /** Only entries about calls of this actor. The value is a user id, or `system:` and a name. @defaultValue all entries */
    actor: z.string().max(300).optional(),
    /** Only entries about this target. The target is a room id, a user id or another id. @defaultValue all entries */
    target: z.string().max(300).optional(),
    /** Only entries at or after this time, in ms since the epoch. @defaultValue all entries */
    since: timeInput.optional(),
    /** Only entries before this time, in ms since the epoch. @defaultValue all entries */
    until: timeInput.optional(),
    /** Maximum number of entries on the page. @defaultValue 100 */
    limit: z.int().min(1).max(1_000).default(100),
    /** `nextToken` of the previous page. */
    from: z.int().min(0).optional(),
  }),
  run: async (
    { db },
    { limit, from, ...filter },
  ): Promise<{ entries: StoredAuditEntry[]; nextToken: number | undefined }> => {
    const found = await readAudit(db, filter, limit + 1, from);
    const entries = found.slice(0, limit);
    return { entries, nextToken: found.length > limit ? entries.at(-1)?.id : undefined };
  },
});
