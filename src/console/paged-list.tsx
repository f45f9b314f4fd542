import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { isJson, type Json } from './admin-api.ts';
import { type Column, DataTable } from './data-table.tsx';
import { textOf } from './format.ts';
import { Problem } from './problem.tsx';
import { useApi } from './session.ts';
import { useLoaded } from './use-loaded.ts';

interface PagedListProps {
  readonly caption: string;
  /** The path of the route that returns the list, with the filters as the query. */
  readonly path: string;
  /** The field of the answer that has the items. */
  readonly itemsKey: string;
  readonly columns: readonly Column<Json>[];
  readonly keyOf: (row: Json) => string;
  readonly empty: string;
  /** Time between two requests for the shown page of the list, in ms. @defaultValue the page is requested only once */
  readonly everyMs?: number;
}

const PAGE_SIZE = 50;

/** Shows a list of the API, one page at a time. */
export function PagedList({ path, itemsKey, everyMs, ...table }: PagedListProps): JSX.Element {
  const api = useApi();
  // The values of `from` for all pages after the first, up to the shown page.
  const [pages, setPages] = useState<readonly string[]>([]);
  const url = new URL(path, 'http://x');
  url.searchParams.set('limit', String(PAGE_SIZE));
  const from = pages.at(-1);
  if (from !== undefined) url.searchParams.set('from', from);
  const query = url.pathname + url.search;
  const { value, error } = useLoaded(() => api.call('GET', query), [query], everyMs);
  const items = value?.[itemsKey];
  const rows = Array.isArray(items) ? items.filter(isJson) : undefined;
  // Most lists have the token of the next page in `next_token`. The list of rooms has it in `next_batch`.
  const next = value?.next_token ?? value?.next_batch;
  return (
    <>
      <Problem error={error} />
      {(rows !== undefined || error === undefined) && <DataTable {...table} rows={rows} />}
      <nav class="pages" aria-label={`Pages of ${table.caption}`}>
        {pages.length > 0 && (
          <button type="button" onClick={() => setPages(pages.slice(0, -1))}>
            Previous page
          </button>
        )}
        {next !== undefined && next !== null && (
          <button type="button" onClick={() => setPages([...pages, textOf(next)])}>
            Next page
          </button>
        )}
      </nav>
    </>
  );
}
