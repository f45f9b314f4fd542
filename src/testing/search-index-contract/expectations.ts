/**
 * Messages, and the expected results of searches in these messages. Each key of `finds` is a query. Its value lists the
 * messages that the query must find, by their indexes in `texts`. The query must find no other message.
 */
export interface Expectations {
  readonly texts: readonly string[];
  readonly finds: Readonly<Record<string, readonly number[]>>;
}
