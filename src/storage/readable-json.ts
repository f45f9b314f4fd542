/**
 * Returns SQL that replaces the escapes of NUL and of surrogates in a column of JSON by U+FFFD. PostgreSQL cannot convert such
 * escapes to text. Without the replacement, the whole query would fail.
 */
export const readableJson = (column: string): string => `CASE WHEN strpos(${column}, '\\u') = 0 THEN ${column}
  ELSE regexp_replace(${column}, '\\\\u(0000|[dD][89abcdefABCDEF][0-9a-fA-F]{2})', '\\\\ufffd', 'g') END`;
