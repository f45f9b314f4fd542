import type { JSX } from 'preact';
import { isJson, type Json } from './admin-api.ts';
import { formatNumber, formatValue, wordsOf } from './format.ts';

/** Maximum number of items of a list that the table shows. */
const SHOWN_ITEMS = 20;

/**
 * Shows the result of a dry run or of a job as a table. For a list, it shows the number of items, and at most the first 20 of
 * them.
 */
export function ResultTable(props: { readonly result: Json; readonly caption?: string }): JSX.Element {
  const { result, caption = 'What will happen' } = props;
  const rows = Object.entries(result).filter(([key]) => key !== 'dry_run' && key !== 'request_id');
  return (
    <table>
      <caption>{caption}</caption>
      <tbody>
        {rows
          .flatMap(([key, value]) => rowsOf(key, value))
          .map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{wordsOf(name).replaceAll('_', ' ')}</th>
              <td>{value}</td>
            </tr>
          ))}
        {rows.length === 0 && (
          <tr>
            <td>Nothing will change.</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

function rowsOf(key: string, value: unknown): readonly (readonly [string, string])[] {
  if (Array.isArray(value)) {
    const shown = value
      .slice(0, SHOWN_ITEMS)
      .map((item) => (isJson(item) ? formatValue(item.id ?? item) : formatValue(item)));
    const rest = value.length > SHOWN_ITEMS ? ` and ${formatNumber(value.length - SHOWN_ITEMS)} more` : '';
    return [[key, value.length === 0 ? 'none' : `${formatNumber(value.length)}: ${shown.join(', ')}${rest}`]];
  }
  if (isJson(value)) {
    // Leaves out counts of 0, such as those of database tables in which no row would change.
    const counts = Object.entries(value).filter(([, count]) => count !== 0);
    return counts.map(([inner, count]) => [`${key}: ${inner}`, formatValue(count)]);
  }
  return [[key, formatValue(value)]];
}
