/**
 * Returns the number of runs that the environment variable `name` demands, such as `KILLS` or `ROUNDS`. Returns `few` if the
 * variable is not set.
 */
export const countFromEnvironment = (name: string, few: number): number => Number(process.env[name] ?? few);

/** Prints the figures of a long version. Prints nothing if the environment variable `name` is not set. */
export function tellOfLongVersion(name: string, figures: Readonly<Record<string, unknown>>): void {
  const asked = process.env[name];
  if (asked !== undefined) process.stdout.write(`${name}=${asked} ${JSON.stringify(figures)}\n`);
}
