/** Whether a value parsed from JSON is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The JSON text of a value that was parsed from JSON, however deep it nests. `JSON.stringify()` overflows the stack at some
 * thousand levels, and an event of 64 KiB has room for thirty thousand.
 */
export function toJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return writeDeep(value);
  }
}

/** Writes a value with a stack of its own: what is still to be written is either finished text or a value. */
function writeDeep(root: unknown): string {
  const written: string[] = [];
  const pending: ({ readonly text: string } | { readonly value: unknown })[] = [{ value: root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if ('text' in next) written.push(next.text);
    else if (typeof next.value !== 'object' || next.value === null) written.push(JSON.stringify(next.value));
    else pending.push(...partsOf(next.value).reverse());
  }
  return written.join('');
}

function partsOf(value: object): ({ readonly text: string } | { readonly value: unknown })[] {
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return [
    { text: open },
    ...members.flatMap(([name, member], index) => [
      { text: `${index === 0 ? '' : ','}${Array.isArray(value) ? '' : `${JSON.stringify(name)}:`}` },
      { value: member as unknown },
    ]),
    { text: close },
  ];
}
