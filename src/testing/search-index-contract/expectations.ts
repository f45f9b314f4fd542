/**
 * Messages and expected results of searches. `finds` maps a query to the indexes in `texts` of the messages that it finds. The
 * query must find no other message.
 */
export interface Expectations {
  readonly texts: readonly string[];
  readonly finds: Readonly<Record<string, readonly number[]>>;
}
