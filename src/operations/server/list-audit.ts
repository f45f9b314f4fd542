import { z } from 'zod';
import { AUDIT_OUTCOMES, readAudit, type StoredAuditEntry } from '../../storage/plugin/audit.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { timeInput } from './time-input.ts';

/** Lists entries of the audit, newest first, page by page. */
export const listAudit = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Filter by operation. @defaultValue all */
    operation: z.string().max(100).optional(),
    /** Filter by outcome. @defaultValue all */
    outcome: z.enum(AUDIT_OUTCOMES).optional(),
    /** Filter by actor: a user id, or `system:` and a name. @defaultValue all */
    actor: z.string().max(300).optional(),
    /** Filter by target: a room id, a user id or another target. @defaultValue all */
    target: z.string().max(300).optional(),
    /** Earliest time of an entry, in ms since the epoch, inclusive. */
    since: timeInput.optional(),
    /** Latest time of an entry, in ms since the epoch, exclusive. */
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
