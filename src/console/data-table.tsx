import type { ComponentChildren, JSX } from 'preact';

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Whether to align the cells to the right. @defaultValue false */
  readonly isNumber?: boolean;
}

interface TableProps<Row> {
  /** The name of the table, which screen readers read. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  /** The rows. `undefined` while they are loading. */
  readonly rows: readonly Row[] | undefined;
  readonly keyOf: (row: Row) => string;
  /** The text that is shown if there are no rows. */
  readonly empty: string;
}

/** A table. On a narrow screen, it can be scrolled sideways. */
export function DataTable<Row>({ caption, columns, rows, keyOf, empty }: TableProps<Row>): JSX.Element {
  if (rows === undefined) return <p>Loading…</p>;
  if (rows.length === 0) return <p>{empty}</p>;
  const classOf = ({ isNumber }: Column<Row>): string | undefined => (isNumber ? 'number' : undefined);
  return (
    // The keyboard can scroll a region only if it is in the tab order.
    <section class="scroll" tabIndex={0} aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" class={classOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.title} class={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
