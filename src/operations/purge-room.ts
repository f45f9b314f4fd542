import { z } from 'zod';
import { hideRoom } from '../rooms/purge/hide-room.ts';
import { KEEPABLE } from '../rooms/purge/purge-phases.ts';
import { purgeRoom as purge } from '../rooms/purge/purge-room.ts';
import { SEARCHABLE_TYPES } from '../search/document.ts';
import type { RowCounts } from '../storage/deletion.ts';
import { insertBlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { nameOf } from './actor.ts';
import { defineJobOperation } from './define-operation.ts';
import { roomIdInput } from './room-id-input.ts';

/**
 * Removes a room from the homeserver, without a trace but in other rooms' events. It is out of sight with the first
 * commit; a job deletes the rest. Cancelled or failed, it stays closed until it is purged again, which goes on from there.
 * Dendrite: `POST /_dendrite/admin/purgeRoom/{roomID}`, which leaves much of it behind.
 */
export const purgeRoom = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: z.object({
    roomId: roomIdInput,
    /** Keeps local users from joining it again. */
    block: z.boolean().default(false),
    /** Why it is blocked. */
    reason: z.string().max(1_000).optional(),
    /**
     * What users would miss when they join it again: its local aliases; their tags, `m.direct` entries and push rules; the
     * keys of its messages in their backups. @defaultValue nothing
     */
    keep: z.array(z.enum(KEEPABLE)).default([]),
    dryRun: z.boolean().default(false),
  }),
  target: ({ roomId }) => roomId,
  dedupeKey: ({ roomId }) => roomId,
  begin: async ({ transaction, afterCommit, actor, announce }, { roomId, block, reason, keep }) => {
    await hideRoom(transaction, roomId, keep);
    if (block) await insertBlockedRoom(transaction, { roomId, reason, blockedBy: nameOf(actor) });
    afterCommit(() => announce({ rooms: [roomId] }));
  },
  run: async (work, { roomId, keep }): Promise<{ deleted: RowCounts; dry_run?: boolean }> => ({
    deleted: await purge(work, { roomId, keep, search: work.roomRemoval, searchableTypes: SEARCHABLE_TYPES }),
  }),
});
