import { type AdminPlugin, MatrixError } from 'koa-matrix-admin';

const COUNTER = { actor: { kind: 'system', name: 'four-eyes' } } as const;

/**
 * Demands that a second administrator approves the purge of a large room. The caller gets `403 M_FORBIDDEN` with an
 * `approval_id`. Another administrator approves it with `POST /_dendrite/admin/approvals/{id}`. The caller then repeats the
 * purge. The same rule applies to a deletion that purges the room.
 * @param maxEvents purges of rooms with more events than this need the approval
 * @returns a function that removes this rule
 */
export function addFourEyes({ approvals, hooks, operations }: AdminPlugin, maxEvents: number): () => void {
  return hooks.before('purgeRoom', { name: 'four-eyes' }, async (event) => {
    const { roomId } = event.input;
    const events = await operations.roomInfo({ roomId }, COUNTER).then((room) => room.events, noneIfUnknown);
    if (events <= maxEvents) return undefined;
    return approvals.require(event, { reason: `The room has ${events} events, which are more than ${maxEvents}` });
  });
}

/**
 * An unknown room counts as a room without events, because the purge itself refuses it. Any other error refuses the purge here.
 */
function noneIfUnknown(error: unknown): number {
  if (error instanceof MatrixError && error.errcode === 'M_NOT_FOUND') return 0;
  throw error;
}
