/** The number of runs in the environment variable `name` (`KILLS`, `ROUNDS`). @returns `few` if it is not set */
export const countFromEnvironment = (name: string, few: number): number => Number(process.env[name] ?? few);

/** Prints the figures of a long version. Prints nothing in a normal run. */
export function tellOfLongVersion(name: string, figures: Readonly<Record<string, unknown>>): void {
  const asked = process.env[name];
  if (asked !== undefined) process.stdout.write(`${name}=${asked} ${JSON.stringify(figures)}\n`);
}
