/**
 * Returns SQL for the JSON of a column, with U+FFFD in place of each escape of NUL (`\u0000`) or of a surrogate. PostgreSQL
 * cannot convert the escapes of NUL and of unpaired surrogates to text: without the replacement, the whole query would fail.
 * The SQL also replaces the escapes of paired surrogates.
 */
export const readableJson = (column: string): string => `CASE WHEN strpos(${column}, '\\u') = 0 THEN ${column}
  ELSE regexp_replace(${column}, '\\\\u(0000|[dD][89abcdefABCDEF][0-9a-fA-F]{2})', '\\\\ufffd', 'g') END`;
