/** Messages in one language, and which of them a query finds: by their place in the list, from 0. All others it does not find. */
export interface Expectations {
  readonly texts: readonly string[];
  readonly finds: Readonly<Record<string, readonly number[]>>;
}
