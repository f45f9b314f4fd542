/** Maximum number of changed, added or removed characters by which a misspelt name may differ from a known name. */
const MAX_DISTANCE = 2;
/** Number of UTF-16 code units of a misspelt name that are compared. The rest of a longer name is ignored. */
const MAX_LENGTH = 100;

/**
 * Reduces a name to its letters and digits in lower case. The same name in camel case, snake case and kebab case then has one
 * spelling.
 */
export const plainName = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/**
 * Returns the known name that is most similar to a misspelt name. Compares names in the form of `plainName()`. A similar name
 * differs in at most `MAX_DISTANCE` characters, and in fewer than half as many characters as the known name has. Returns
 * `undefined` if no name is similar.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = plainName(name).slice(0, MAX_LENGTH);
  const [nearest] = [...known]
    .map((candidate) => ({ candidate, distance: editDistance(wanted, plainName(candidate)) }))
    .filter(({ candidate, distance }) => distance <= MAX_DISTANCE && distance < candidate.length / 2)
    .sort((a, b) => a.distance - b.distance);
  return nearest?.candidate;
}

/** Computes the Levenshtein distance of two texts. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, substituted));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
