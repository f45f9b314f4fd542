import { type AdminPlugin, MatrixError } from 'koa-matrix-admin';

const COUNTER = { actor: { kind: 'system', name: 'four-eyes' } } as const;

/**
 * Lets nobody purge a large room alone. The caller gets `403 M_FORBIDDEN` with an `approval_id`. Another administrator approves
 * it with `POST /_dendrite/admin/approvals/{id}`, and the caller purges again. It counts for a deletion that purges, too.
 * @param maxEvents purges of rooms with more events wait for a second administrator
 * @returns a function that lets everybody purge alone again
 */
export function addFourEyes({ approvals, hooks, operations }: AdminPlugin, maxEvents: number): () => void {
  return hooks.before('purgeRoom', { name: 'four-eyes' }, async (event) => {
    const { roomId } = event.input;
    const events = await operations.roomInfo({ roomId }, COUNTER).then((room) => room.events, noneIfUnknown);
    if (events <= maxEvents) return undefined;
    return approvals.require(event, { reason: `The room has ${events} events, which are more than ${maxEvents}` });
  });
}

/** The purge itself refuses a room that is not there. All other errors refuse the purge here. */
function noneIfUnknown(error: unknown): number {
  if (error instanceof MatrixError && error.errcode === 'M_NOT_FOUND') return 0;
  throw error;
}
