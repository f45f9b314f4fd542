/** A filter of event types. `*` matches any characters, as in filters of the Client-Server API. */
export interface EventTypeFilter {
  /** @defaultValue all types */
  readonly types?: readonly string[] | undefined;
  /** Types to exclude, even if `types` includes them. @defaultValue no types */
  readonly notTypes?: readonly string[] | undefined;
}

const patternOf = (type: string): string => type.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');

/**
 * Returns an SQL condition: the event type in the column passes the filter. The query needs the bindings of `typeBindings()`.
 */
export const isWantedType = (column: string): string =>
  `${column} LIKE ANY(CAST(:types AS text[])) AND NOT ${column} LIKE ANY(CAST(:notTypes AS text[]))`;

export const typeBindings = ({ types = ['*'], notTypes = [] }: EventTypeFilter): Record<string, string[]> => ({
  types: types.map(patternOf),
  notTypes: notTypes.map(patternOf),
});
