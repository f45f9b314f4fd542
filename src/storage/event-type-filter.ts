/** A filter of event types, as in the Client-Server API: `*` matches any characters. */
export interface EventTypeFilter {
  /** @defaultValue all */
  readonly types?: readonly string[] | undefined;
  /** Types to exclude, even if `types` includes them. @defaultValue none */
  readonly notTypes?: readonly string[] | undefined;
}

const patternOf = (type: string): string => type.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');

/** SQL condition: the column's event type passes the filter. Needs the bindings of `typeBindings()`. */
export const isWantedType = (column: string): string =>
  `${column} LIKE ANY(CAST(:types AS text[])) AND NOT ${column} LIKE ANY(CAST(:notTypes AS text[]))`;

export const typeBindings = ({ types = ['*'], notTypes = [] }: EventTypeFilter): Record<string, string[]> => ({
  types: types.map(patternOf),
  notTypes: notTypes.map(patternOf),
});
