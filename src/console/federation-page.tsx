import type { JSX } from 'preact';
import { ActionButtons } from './action-buttons.tsx';
import type { Json } from './admin-api.ts';
import { FilterForm } from './filter-form.tsx';
import { formatNumber, formatTime, textOf } from './format.ts';
import { PagedList } from './paged-list.tsx';

function stateOf({ blacklisted, assumed_offline: offline, queued_pdus: pdus, queued_edus: edus }: Json): string {
  if (blacklisted === true) return 'blacklisted';
  if (offline === true) return 'assumed offline';
  return Number(pdus) + Number(edus) > 0 ? 'events wait' : 'up to date';
}

/**
 * The page that lists other servers. For each server, it shows its state and how much is queued for it, and has a button that
 * makes the homeserver try again to reach it.
 */
export function FederationPage({ query }: { readonly query: URLSearchParams }): JSX.Element {
  return (
    <>
      <h1 tabIndex={-1}>Federation</h1>
      <FilterForm path="#/federation" query={query} fields={[{ key: 'destination', label: 'Server name' }]} />
      <PagedList
        key={String(query)}
        caption="Other servers"
        path={`/_synapse/admin/v1/federation/destinations?${query}`}
        itemsKey="destinations"
        keyOf={(server) => String(server.destination)}
        empty="No servers match."
        columns={[
          { title: 'Server', cell: (server) => String(server.destination) },
          { title: 'State', cell: stateOf },
          { title: 'Queued events', cell: (server) => formatNumber(server.queued_pdus), isNumber: true },
          { title: 'Queued EDUs', cell: (server) => formatNumber(server.queued_edus), isNumber: true },
          { title: 'Oldest queued', cell: (server) => formatTime(server.oldest_queued_ts) },
          { title: 'Next try', cell: (server) => formatTime(server.next_retry_ts) },
          {
            title: 'Action',
            cell: (server) => (
              <ActionButtons
                actions={[
                  {
                    title: 'Try again now',
                    explanation: `The homeserver no longer counts ${textOf(server.destination)} as unreachable, and sends what waits.`,
                    method: 'POST',
                    path: `/_synapse/admin/v1/federation/destinations/${encodeURIComponent(String(server.destination))}/reset_connection`,
                    hasDryRun: false,
                    isJob: false,
                  },
                ]}
              />
            ),
          },
        ]}
      />
    </>
  );
}
