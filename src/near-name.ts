/** Maximum number of edits between a name and its misspelling. */
const MAX_DISTANCE = 2;
/** Maximum length of a compared name, in UTF-16 code units. */
const MAX_LENGTH = 100;

/** A name without the differences between camel case, snake case and kebab case. */
export const plainName = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** The known name that is nearest to a misspelt one. `undefined` if no name is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = plainName(name).slice(0, MAX_LENGTH);
  const [nearest] = [...known]
    .map((candidate) => ({ candidate, distance: editDistance(wanted, plainName(candidate)) }))
    .filter(({ candidate, distance }) => distance <= MAX_DISTANCE && distance < candidate.length / 2)
    .sort((a, b) => a.distance - b.distance);
  return nearest?.candidate;
}

/** The Levenshtein distance. */
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
