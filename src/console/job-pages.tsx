import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, isJson, type Job, type Json } from './admin-api.ts';
import { Facts } from './facts.tsx';
import { FilterForm } from './filter-form.tsx';
import { errorOf, formatNumber, formatTime, formatValue, textOf, wordsOf } from './format.ts';
import { PagedList } from './paged-list.tsx';
import { Problem } from './problem.tsx';
import { ProgressBar } from './progress-bar.tsx';
import { ResultTable } from './result-table.tsx';
import { useApi } from './session.ts';

const JOBS = '/_dendrite/admin/jobs';
/** Time between two loads of the list of jobs, in ms. */
const LIST_INTERVAL_MS = 2_000;
/** Time between the loss of a connection and the next attempt to connect, in ms. */
const RECONNECT_MS = 1_000;

/** The page that lists all jobs, newest first. */
export function JobsPage({ query }: { readonly query: URLSearchParams }): JSX.Element {
  return (
    <>
      <h1 tabIndex={-1}>Jobs</h1>
      <FilterForm
        path="#/jobs"
        query={query}
        fields={[
          { key: 'state', label: 'State', options: ['queued', 'running', 'succeeded', 'failed', 'cancelled'] },
          { key: 'kind', label: 'Operation' },
          { key: 'target', label: 'Room, user or server' },
        ]}
      />
      <PagedList
        key={String(query)}
        caption="Jobs, the newest first"
        path={`${JOBS}?${query}`}
        itemsKey="jobs"
        everyMs={LIST_INTERVAL_MS}
        keyOf={(job) => String(job.id)}
        empty="No jobs match."
        columns={[
          { title: 'Job', cell: (job) => <a href={`#/jobs/${textOf(job.id)}`}>{wordsOf(String(job.operation))}</a> },
          { title: 'Target', cell: ({ target }) => formatValue(target) },
          { title: 'State', cell: ({ state }) => <State of={String(state)} /> },
          {
            title: 'Progress',
            cell: ({ percent, done }) => (percent === null ? formatNumber(done) : `${textOf(percent)} %`),
          },
          { title: 'Started by', cell: (job) => formatValue(job.created_by) },
          { title: 'Created', cell: (job) => formatTime(job.created_ts) },
        ]}
      />
    </>
  );
}

function State({ of: state }: { readonly of: string }): JSX.Element {
  return <span class={`state ${state}`}>{state}</span>;
}

/**
 * Loads a job and its changes. If the connection is lost, or the homeserver answers with a status of 500 or more, connects
 * again.
 */
function useJob(jobId: string): { readonly job: Job | undefined; readonly error: Error | undefined } {
  const api = useApi();
  const [job, setJob] = useState<Job>();
  const [error, setError] = useState<Error>();
  useEffect(() => {
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const follow = async (): Promise<void> => {
      let hasEnded = false;
      for await (const next of api.watch(jobId, gone.signal)) {
        hasEnded = next.finished_ts !== null;
        setJob(next);
        setError(undefined);
      }
      if (!hasEnded) throw new TypeError('the connection was lost');
    };
    const start = (): void => {
      follow().catch((reason: unknown) => {
        if (gone.signal.aborted) return;
        setError(errorOf(reason));
        const isRefused = reason instanceof ApiError && reason.status < 500;
        if (!isRefused) timer = setTimeout(start, RECONNECT_MS);
      });
    };
    start();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [api, jobId]);
  return { job, error };
}

/**
 * The page of one job. It shows the target and the input of the job, its current progress and its result, and has buttons that
 * cancel the job or start it again.
 */
export function JobPage({ jobId }: { readonly jobId: string }): JSX.Element {
  const api = useApi();
  const { job, error } = useJob(jobId);
  const [refusal, setRefusal] = useState<Error>();
  const cancel = (): void => {
    setRefusal(undefined);
    api.call('POST', `${JOBS}/${jobId}/cancel`, {}).catch((reason: unknown) => setRefusal(errorOf(reason)));
  };
  if (job === undefined) {
    return (
      <>
        <h1 tabIndex={-1}>Job</h1>
        <Problem error={error} />
        {error === undefined && <p>Loading…</p>}
      </>
    );
  }
  const hasEnded = job.finished_ts !== null;
  return (
    <>
      <h1 tabIndex={-1}>Job: {wordsOf(job.operation)}</h1>
      <Problem error={error ?? refusal} />
      <p role="status">
        <State of={job.state} /> {!hasEnded && job.cancel_requested && 'It stops after its current step.'}
      </p>
      <ProgressBar job={job} />
      {job.error !== null && <p class="problem">{job.error}</p>}
      {!hasEnded && (
        <button type="button" onClick={cancel} disabled={job.cancel_requested}>
          Cancel the job
        </button>
      )}
      {(job.state === 'failed' || job.state === 'cancelled') && <Retry job={job} />}
      <Facts of={factsOf(job)} />
      {isJson(job.result) && <Result result={job.result} />}
    </>
  );
}

function factsOf(job: Job): [string, string][] {
  const input = Object.entries(job.input ?? {}).filter(([, value]) => value !== null && value !== false);
  return [
    ['Target', formatValue(job.target)],
    ['Step', formatValue(job.phase)],
    ['Attempts', formatNumber(job.attempts)],
    ['Started by', job.created_by],
    ['Created', formatTime(job.created_ts)],
    ['Started', formatTime(job.started_ts)],
    ['Ended', formatTime(job.finished_ts)],
    ...input.map(([key, value]): [string, string] => [`Input: ${wordsOf(key)}`, formatValue(value)]),
  ];
}

function Result({ result }: { readonly result: Json }): JSX.Element {
  return (
    <details open>
      <summary>Result</summary>
      <ResultTable caption="Result" result={result} />
    </details>
  );
}

/** The button that starts the same operation again. It appears only if `retryOf()` returns a request. */
function Retry({ job }: { readonly job: Job }): JSX.Element | null {
  const api = useApi();
  const [error, setError] = useState<Error>();
  const retry = retryOf(job);
  if (retry === undefined) return null;
  const start = (): void => {
    const go = async (): Promise<void> => {
      location.hash = `#/jobs/${await api.start('POST', retry.path, retry.body)}`;
    };
    go().catch((reason: unknown) => setError(errorOf(reason)));
  };
  return (
    <>
      <button type="button" onClick={start}>
        Start it again
      </button>
      <Problem error={error} />
    </>
  );
}

/** The operations on one room or user that can be started again. The name of each is a part of the path of its route. */
const RETRIES = ['purgeRoom', 'evacuateRoom', 'evacuateUser', 'refreshDevices'];

/**
 * Makes the request that starts the operation of an ended job again, with all options of the job. Returns `undefined` if the
 * console cannot start the operation again.
 */
function retryOf({ operation, target, input }: Job): { readonly path: string; readonly body: Json } | undefined {
  if (operation === 'reindexFulltext') return { path: '/_dendrite/admin/fulltext/reindex', body: {} };
  if (!RETRIES.includes(operation)) return undefined;
  // The path contains the room or the user.
  const { room_id: _room, user_id: _user, ...body } = input ?? {};
  return { path: `/_dendrite/admin/${operation}/${encodeURIComponent(target ?? '')}`, body };
}
