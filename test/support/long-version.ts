/** How many of `name` (`KILLS`, `ROUNDS`) a test is asked for by the environment; few when nobody asks. */
export const countFromEnvironment = (name: string, few: number): number => Number(process.env[name] ?? few);

/** Prints what a long version has done. Silent when nobody has asked for one. */
export function tellOfLongVersion(name: string, figures: Readonly<Record<string, unknown>>): void {
  const asked = process.env[name];
  if (asked !== undefined) process.stdout.write(`${name}=${asked} ${JSON.stringify(figures)}\n`);
}
