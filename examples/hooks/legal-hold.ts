import { type AdminPlugin, deny } from 'koa-matrix-admin';

/**
 * Prevents purges of rooms that are under a legal hold. The caller gets `403 ORG_EXAMPLE_LEGAL_HOLD`. A deletion is also
 * refused if it would purge such a room.
 * @param isHeld called before each purge; if it throws, the purge is refused
 * @returns a function that removes this rule
 */
export function addLegalHold(
  { hooks }: AdminPlugin,
  isHeld: (roomId: string) => boolean | Promise<boolean>,
): () => void {
  return hooks.before('purgeRoom', { name: 'legal-hold' }, async ({ input }) =>
    (await isHeld(input.roomId)) ? deny('ORG_EXAMPLE_LEGAL_HOLD', 'This room is under a legal hold') : undefined,
  );
}
