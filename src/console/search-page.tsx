import type { JSX } from 'preact';
import { ActionButtons } from './action-buttons.tsx';
import { isJson } from './admin-api.ts';
import { Facts } from './facts.tsx';
import { formatBytes, formatNumber, formatTime, formatValue, textOf } from './format.ts';
import { Problem } from './problem.tsx';
import { useApi } from './session.ts';
import { useLoaded } from './use-loaded.ts';

/** Time between two requests for the state of the search index, in ms. */
const INTERVAL_MS = 5_000;
const REINDEXES = '/_dendrite/admin/jobs?kind=reindexFulltext&limit=1';

/** The page that shows the state of the search index and of its last reindex, and a button that rebuilds the index. */
export function SearchPage(): JSX.Element {
  const api = useApi();
  const { value: index, error } = useLoaded(() => api.call('GET', '/_dendrite/admin/fulltext'), [], INTERVAL_MS);
  const { value: reindexes } = useLoaded(() => api.call('GET', REINDEXES), [], INTERVAL_MS);
  const [last] = Array.isArray(reindexes?.jobs) ? reindexes.jobs.filter(isJson) : [];
  return (
    <>
      <h1 tabIndex={-1}>Search index</h1>
      <Problem error={error} />
      {index !== undefined && (
        <>
          {index.is_outdated === true && (
            <p class="problem" role="status">
              The index was made with other rules for texts. Until a reindex ends, searches find less.
            </p>
          )}
          {index.problem !== null && (
            <p class="problem" role="status">
              {textOf(index.problem)}
            </p>
          )}
          <Facts
            of={[
              ['Engine', formatValue(index.engine)],
              ['Messages', formatNumber(index.documents)],
              ['Size', formatBytes(index.bytes)],
              ['Changes that wait for the engine', formatNumber(index.waiting)],
              ['Last reindex', formatTime(index.last_rebuild_ts)],
            ]}
          />
          <ActionButtons
            actions={[
              {
                title: 'Rebuild the index',
                explanation: 'A job builds a new index from all messages. The old index answers searches until then.',
                method: 'POST',
                path: '/_dendrite/admin/fulltext/reindex',
                hasDryRun: false,
                isJob: true,
              },
            ]}
          />
        </>
      )}
      {last !== undefined && (
        <p>
          <a href={`#/jobs/${textOf(last.id)}`}>The last reindex</a>: {formatValue(last.state)}
        </p>
      )}
    </>
  );
}
