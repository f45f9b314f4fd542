/** The part of the body of a request to a search engine that belongs to one event. */
export interface Line {
  readonly eventId: string;
  readonly text: string;
}

/** Splits lines, in order, into payloads of at most `maxBytes`. A single line that is longer is a payload of its own. */
export function payloadsOf(lines: readonly Line[], maxBytes: number): Line[][] {
  const payloads: Line[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    const length = Buffer.byteLength(line.text) + 1;
    bytes += length;
    if (bytes > maxBytes) {
      payloads.push([]);
      bytes = length;
    }
    payloads.at(-1)?.push(line);
  }
  return payloads;
}

export function halves<T>(items: readonly T[]): T[][] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

export function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
