/** Tells whether a value that was parsed from JSON is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Returns the JSON text of a value that was parsed from JSON. The value may be nested to any depth. `JSON.stringify()`
 * overflows the stack at a few thousand levels, but an event of 64 KiB can have thirty thousand.
 */
export function toJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return writeDeep(value);
  }
}

/** Text that is finished, or a value that is still to be written. */
type Part = { readonly text: string } | { readonly value: unknown };

/** Returns the JSON text of a value. Uses a stack of its own instead of recursion. */
function writeDeep(root: unknown): string {
  const written: string[] = [];
  const pending: Part[] = [{ value: root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if ('text' in next) written.push(next.text);
    else if (typeof next.value !== 'object' || next.value === null) written.push(JSON.stringify(next.value));
    // The parts are pushed one by one, because call arguments also use stack space.
    else for (const part of partsOf(next.value).reverse()) pending.push(part);
  }
  return written.join('');
}

function partsOf(value: object): Part[] {
  const isArray = Array.isArray(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return [
    { text: isArray ? '[' : '{' },
    ...members.flatMap(([name, member], index): Part[] => [
      { text: `${index === 0 ? '' : ','}${isArray ? '' : `${JSON.stringify(name)}:`}` },
      { value: member },
    ]),
    { text: isArray ? ']' : '}' },
  ];
}
