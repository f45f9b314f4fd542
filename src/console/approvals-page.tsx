import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ActionButtons } from './action-buttons.tsx';
import type { Action } from './action-dialog.tsx';
import type { Json } from './admin-api.ts';
import { FilterForm } from './filter-form.tsx';
import { formatTime, formatValue, textOf, wordsOf } from './format.ts';
import { PagedList } from './paged-list.tsx';

const decisionsOn = (approval: Json): readonly Action[] => {
  const common = {
    method: 'POST',
    path: `/_dendrite/admin/approvals/${textOf(approval.id)}`,
    hasDryRun: false,
    isJob: false,
    fields: [{ key: 'reason', label: 'Reason', kind: 'text' }],
  } as const;
  const what = `${wordsOf(textOf(approval.operation))} ${textOf(approval.target)}`;
  return [
    {
      ...common,
      title: 'Approve',
      explanation: `${textOf(approval.requested_by)} may then ${what}.`,
      body: { decision: 'approve' },
    },
    {
      ...common,
      title: 'Deny',
      explanation: `${textOf(approval.requested_by)} may not ${what}.`,
      body: { decision: 'deny' },
    },
  ];
};

/**
 * The page that lists calls which need the approval of a second administrator, including calls on which an administrator has
 * already decided.
 */
export function ApprovalsPage({ query }: { readonly query: URLSearchParams }): JSX.Element {
  const [round, setRound] = useState(0);
  return (
    <>
      <h1 tabIndex={-1}>Approvals</h1>
      <FilterForm
        path="#/approvals"
        query={query}
        fields={[
          { key: 'state', label: 'State', options: ['pending', 'approved', 'denied', 'expired', 'used'] },
          { key: 'target', label: 'Room, user or server' },
        ]}
      />
      <PagedList
        key={`${query} ${round}`}
        caption="Approvals, the newest first"
        path={`/_dendrite/admin/approvals?${query}`}
        itemsKey="approvals"
        keyOf={(approval) => String(approval.id)}
        empty="Nothing waits for an approval."
        columns={[
          { title: 'Operation', cell: (approval) => wordsOf(String(approval.operation)) },
          { title: 'Target', cell: (approval) => formatValue(approval.target) },
          { title: 'Why it needs approval', cell: (approval) => formatValue(approval.reason) },
          { title: 'Asked by', cell: (approval) => formatValue(approval.requested_by) },
          { title: 'State', cell: (approval) => formatValue(approval.state) },
          { title: 'Expires', cell: (approval) => formatTime(approval.expires_ts) },
          {
            title: 'Decision',
            cell: (approval) =>
              approval.state === 'pending' ? (
                <ActionButtons actions={decisionsOn(approval)} onChange={() => setRound(round + 1)} />
              ) : (
                formatValue(approval.decided_by)
              ),
          },
        ]}
      />
    </>
  );
}
