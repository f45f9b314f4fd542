import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Answers } from '../client/answers.ts';
import { ActionButtons } from './action-buttons.tsx';
import type { Action } from './action-dialog.tsx';
import type { Json } from './admin-api.ts';
import { FilterForm } from './filter-form.tsx';
import { formatTime, formatValue, textOf } from './format.ts';
import { PagedList } from './paged-list.tsx';

const KINDS = [
  { path: 'event_reports', title: 'Messages', about: 'sender' },
  { path: 'user_reports', title: 'Users', about: 'target_user_id' },
  { path: 'room_reports', title: 'Rooms', about: 'room_id' },
] as const;

type Status = Answers['getEventReport']['status'];

const STATUSES: readonly Status[] = ['open', 'resolved'];

const actionsOn = (kind: string, report: Json): readonly Action[] =>
  STATUSES.filter((status) => status !== report.status).map((status) => ({
    title: status === 'open' ? 'Reopen' : 'Resolve',
    explanation: `The report then counts as ${status}.`,
    method: 'PUT',
    path: `/_synapse/admin/v1/${kind}/${textOf(report.id)}`,
    body: { status },
    hasDryRun: false,
    isJob: false,
    fields: [{ key: 'note', label: 'Note for other administrators', kind: 'text' }],
  }));

/** The page that lists reports about messages, users or rooms, and has buttons that change the status of a report. */
export function ReportsPage({ query }: { readonly query: URLSearchParams }): JSX.Element {
  const [round, setRound] = useState(0);
  const { path, title, about } = KINDS.find((kind) => kind.path === query.get('kind')) ?? KINDS[0];
  const filter = new URLSearchParams(query);
  filter.delete('kind');
  return (
    <>
      <h1 tabIndex={-1}>Reports</h1>
      <nav aria-label="Kinds of reports" class="tabs">
        {KINDS.map((kind) => (
          <a
            key={kind.path}
            href={`#/reports?kind=${kind.path}`}
            aria-current={kind.path === path ? 'page' : undefined}
          >
            {kind.title}
          </a>
        ))}
      </nav>
      <FilterForm
        key={path}
        path="#/reports"
        query={query}
        hidden={{ kind: path }}
        fields={[{ key: 'status', label: 'Status', options: STATUSES }]}
      />
      <PagedList
        key={`${query} ${round}`}
        caption={`Reports: ${title.toLowerCase()}`}
        path={`/_synapse/admin/v1/${path}?${filter}`}
        itemsKey={path}
        keyOf={(report) => String(report.id)}
        empty="There are no such reports."
        columns={[
          { title: 'Received', cell: (report) => formatTime(report.received_ts) },
          { title: 'About', cell: (report) => formatValue(report[about]) },
          { title: 'Room', cell: (report) => formatValue(report.name ?? report.room_id) },
          { title: 'Reported by', cell: (report) => formatValue(report.user_id) },
          { title: 'Reason', cell: (report) => formatValue(report.reason) },
          { title: 'Status', cell: (report) => formatValue(report.status) },
          { title: 'Note', cell: (report) => formatValue(report.note) },
          {
            title: 'Action',
            cell: (report) => <ActionButtons actions={actionsOn(path, report)} onChange={() => setRound(round + 1)} />,
          },
        ]}
      />
    </>
  );
}
