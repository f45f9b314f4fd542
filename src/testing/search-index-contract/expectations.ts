/**
 * Messages, and the expected results of searches in them. Each key of `finds` is a query. Its value lists the messages that the
 * query must find, by their index in `texts`. The query must find no other message.
 */
export interface Expectations {
  readonly texts: readonly string[];
  readonly finds: Readonly<Record<string, readonly number[]>>;
}
