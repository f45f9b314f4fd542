import type { JSX } from 'preact';
import { FilterForm } from './filter-form.tsx';
import { formatTime, formatValue, wordsOf } from './format.ts';
import { PagedList } from './paged-list.tsx';

/** The page that lists the entries of the audit, newest first. */
export function AuditPage({ query }: { readonly query: URLSearchParams }): JSX.Element {
  return (
    <>
      <h1 tabIndex={-1}>Audit</h1>
      <FilterForm
        path="#/audit"
        query={query}
        fields={[
          { key: 'actor', label: 'Who' },
          { key: 'operation', label: 'Operation' },
          { key: 'target', label: 'Room, user or server' },
          { key: 'outcome', label: 'Outcome', options: ['ok', 'queued', 'refused', 'failed', 'cancelled'] },
          { key: 'since', label: 'Since, such as 2026-01-31' },
          { key: 'until', label: 'Before' },
        ]}
      />
      <PagedList
        key={String(query)}
        caption="Audit, the newest first"
        path={`/_dendrite/admin/audit?${query}`}
        itemsKey="entries"
        keyOf={(entry) => String(entry.id)}
        empty="No entries match."
        columns={[
          { title: 'When', cell: (entry) => formatTime(entry.ts) },
          { title: 'Who', cell: (entry) => formatValue(entry.actor) },
          { title: 'Operation', cell: (entry) => wordsOf(String(entry.operation)) },
          { title: 'Target', cell: (entry) => formatValue(entry.target) },
          { title: 'Outcome', cell: (entry) => formatValue(entry.outcome) },
          {
            title: 'Job',
            cell: ({ job_id: jobId }) => (typeof jobId === 'string' ? <a href={`#/jobs/${jobId}`}>the job</a> : '–'),
          },
          { title: 'Error', cell: (entry) => formatValue(entry.errcode) },
          { title: 'Address', cell: (entry) => formatValue(entry.address) },
        ]}
      />
    </>
  );
}
