/** Maximum number of edits between a name and a misspelling of it. */
const MAX_DISTANCE = 2;
/** Maximum length of a name that is compared, in UTF-16 code units. */
const MAX_LENGTH = 100;

/**
 * Reduces a name to its letters and digits in lower case. The same name in camel case, snake case and kebab case then has one
 * spelling.
 */
export const plainName = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** Returns the known name that is most similar to a misspelt one, or `undefined` if no name is similar. */
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
