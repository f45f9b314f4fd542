/** Groups items by their room, and keeps their order. */
export function byRoom<Item extends { readonly roomId: string }>(items: readonly Item[]): Map<string, Item[]> {
  const rooms = new Map<string, Item[]>();
  for (const item of items) {
    const group = rooms.get(item.roomId);
    if (group === undefined) rooms.set(item.roomId, [item]);
    else group.push(item);
  }
  return rooms;
}
