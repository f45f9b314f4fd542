/**
 * Returns SQL that removes the escapes of NUL and of surrogates from a column of JSON. PostgreSQL cannot convert these to text.
 * Without the removal, the whole query would fail.
 */
export const readableJson = (column: string): string => `CASE WHEN strpos(${column}, '\\u') = 0 THEN ${column}
  ELSE regexp_replace(${column}, '\\\\u(0000|[dD][89abcdefABCDEF][0-9a-fA-F]{2})', '\\\\ufffd', 'g') END`;
