/** A filter of event types. In a type, `*` matches any number of characters, as in filters of the Client-Server API. */
export interface EventTypeFilter {
  /** Types to include. @defaultValue all types */
  readonly types?: readonly string[] | undefined;
  /** Types to exclude, even if `types` includes them. @defaultValue no types */
  readonly notTypes?: readonly string[] | undefined;
}

const patternOf = (type: string): string => type.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');

/** Returns an SQL condition: the event type in the column passes the filter whose `typeBindings()` are bound to the query. */
export const isWantedType = (column: string): string =>
  `${column} LIKE ANY(CAST(:types AS text[])) AND NOT ${column} LIKE ANY(CAST(:notTypes AS text[]))`;

/** Returns the bindings of `isWantedType()`: the types of the filter as `LIKE` patterns. */
export const typeBindings = ({ types = ['*'], notTypes = [] }: EventTypeFilter): Record<string, string[]> => ({
  types: types.map(patternOf),
  notTypes: notTypes.map(patternOf),
});
