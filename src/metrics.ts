import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** All metrics of the package. No label holds user data or an id. */
export const METRICS = {
  operations: {
    type: 'counter',
    name: 'matrix_admin_operations_total',
    help: 'Operations run, by outcome: ok, refused (not allowed, vetoed or bad input), failed, cancelled.',
    labels: ['operation', 'outcome'],
  },
  operationDuration: {
    type: 'histogram',
    name: 'matrix_admin_operation_duration_seconds',
    help: 'Duration of operations, including hooks.',
    labels: ['operation'],
  },
  httpRequests: {
    type: 'counter',
    name: 'matrix_admin_http_requests_total',
    help: 'HTTP requests answered, by route template. Unknown paths count as "unrecognized".',
    labels: ['method', 'route', 'status'],
  },
  authFailures: {
    type: 'counter',
    name: 'matrix_admin_auth_failures_total',
    help: 'Requests refused by the access check, by reason: missing_token, unknown_token, locked, guest, not_admin, rate_limited.',
    labels: ['reason'],
  },
  hookFailures: {
    type: 'counter',
    name: 'matrix_admin_hook_failures_total',
    help: 'Hooks that threw or timed out.',
    labels: ['operation', 'phase'],
  },
  hostCallFailures: {
    type: 'counter',
    name: 'matrix_admin_host_call_failures_total',
    help: 'Failed calls of the notifier, the caches or the federation sender after a commit.',
    labels: ['callee'],
  },
  jobs: {
    type: 'gauge',
    name: 'matrix_admin_jobs',
    help: 'Jobs in the database, by state. Finished jobs count until they are removed.',
    labels: ['kind', 'state'],
  },
  jobOldestAge: {
    type: 'gauge',
    name: 'matrix_admin_job_oldest_age_seconds',
    help: 'Age of the oldest unfinished job.',
    labels: ['kind'],
  },
  jobProgress: {
    type: 'gauge',
    name: 'matrix_admin_job_progress_ratio',
    help: 'Progress of the running job, from 0 to 1.',
    labels: ['kind'],
  },
  jobLastProgress: {
    type: 'gauge',
    name: 'matrix_admin_job_last_progress_timestamp_seconds',
    help: 'Time of the last progress of a running job. The earliest time, if several jobs run.',
    labels: ['kind'],
  },
  reports: {
    type: 'gauge',
    name: 'matrix_admin_reports',
    help: 'Reports in the database, by what was reported (event, user, room) and by status (open, resolved).',
    labels: ['kind', 'status'],
  },
  federationQueue: {
    type: 'gauge',
    name: 'matrix_admin_federation_queued',
    help: 'What waits for delivery to other servers, by type: pdu (events), edu (other messages). Read every 30 s.',
    labels: ['type'],
  },
  databaseConnections: {
    type: 'gauge',
    name: 'matrix_admin_database_connections',
    help: "The homeserver's pool in this process: used and free connections, and waiting calls that have none.",
    labels: ['state'],
  },
  searchDocumentsIndexed: {
    type: 'counter',
    name: 'matrix_admin_search_documents_indexed_total',
    help: 'Documents written to the search index, live and by rebuilds.',
    labels: ['engine'],
  },
  searchBatches: {
    type: 'counter',
    name: 'matrix_admin_search_batches_total',
    help: 'Batches written to the search index by rebuilds.',
    labels: ['engine'],
  },
  searchBatchDuration: {
    type: 'histogram',
    name: 'matrix_admin_search_batch_duration_seconds',
    help: 'Time from reading a batch of a rebuild to its commit.',
    labels: ['engine'],
  },
  searchRequests: {
    type: 'counter',
    name: 'matrix_admin_search_requests_total',
    help: 'Requests to the search engine.',
    labels: ['engine'],
  },
  searchErrors: {
    type: 'counter',
    name: 'matrix_admin_search_errors_total',
    help: 'Requests to the search engine that failed.',
    labels: ['engine'],
  },
  searchTasksInFlight: {
    type: 'gauge',
    name: 'matrix_admin_search_tasks_in_flight',
    help: 'Batches that the search engine has not yet finished.',
    labels: ['engine'],
  },
  searchQueueDepth: {
    type: 'gauge',
    name: 'matrix_admin_search_queue_depth',
    help: 'Changes that wait for delivery to the search index.',
    labels: ['engine'],
  },
  searchIndexDocuments: {
    type: 'gauge',
    name: 'matrix_admin_search_index_documents',
    help: 'Documents in the search index.',
    labels: ['engine'],
  },
  searchIndexBytes: {
    type: 'gauge',
    name: 'matrix_admin_search_index_bytes',
    help: 'Size of the search index on disk.',
    labels: ['engine'],
  },
  searchHealth: {
    type: 'gauge',
    name: 'matrix_admin_search_health',
    help: 'Health of the search index: 1 ok, 0.5 searches work but copies of the index are missing, 0 searches fail.',
    labels: ['engine'],
  },
  searchLastRebuild: {
    type: 'gauge',
    name: 'matrix_admin_search_last_rebuild_timestamp_seconds',
    help: 'When the search index was last rebuilt.',
    labels: ['engine'],
  },
} as const satisfies Record<string, MetricDefinition>;

interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

type MetricKey = keyof typeof METRICS;
type Label<Key extends MetricKey> = (typeof METRICS)[Key]['labels'][number];
type MetricOf<Key extends MetricKey> = (typeof METRICS)[Key]['type'] extends 'counter'
  ? Counter<Label<Key>>
  : (typeof METRICS)[Key]['type'] extends 'gauge'
    ? Gauge<Label<Key>>
    : Histogram<Label<Key>>;

/** One metric object for each entry of `METRICS`. */
export type Metrics = { readonly [Key in MetricKey]: MetricOf<Key> } & {
  /**
   * Registers a function that sets gauges to values from the database at each scrape. `read` runs at most once for each scrape.
   * If it throws, the scrape fails, as is usual in prom-client.
   */
  readonly onScrape: (read: () => Promise<void>) => void;
  /** Removes the metrics from the registry. */
  readonly remove: () => void;
};

/** The metrics that search adapters write. */
export type SearchMetrics = Pick<
  Metrics,
  'searchDocumentsIndexed' | 'searchRequests' | 'searchErrors' | 'searchTasksInFlight'
>;

/** How long values that were read from the database are reused, in ms. All gauges of one scrape thus use the same values. */
const SCRAPE_FRESHNESS_MS = 500;

/**
 * Adds the metrics to the registry.
 * @throws Error if the registry already has a metric with one of these names. Two plugins need two registries.
 */
export function createMetrics(registry: Registry = new Registry()): Metrics {
  const taken = Object.values(METRICS).find(({ name }) => registry.getSingleMetric(name) !== undefined);
  if (taken !== undefined) {
    throw new Error(`the registry already has a metric ${taken.name}: give each admin plugin its own registry`);
  }
  const readers: (() => Promise<void>)[] = [];
  let lastReading: { at: number; done: Promise<void> } | undefined;
  const collect = (): Promise<void> => {
    if (lastReading === undefined || Date.now() - lastReading.at > SCRAPE_FRESHNESS_MS) {
      lastReading = { at: Date.now(), done: Promise.all(readers.map((read) => read())).then(() => undefined) };
    }
    return lastReading.done;
  };
  const metrics = Object.fromEntries(
    Object.entries(METRICS).map(([key, definition]) => [key, create(definition, registry, collect)]),
  ) as unknown as { readonly [Key in MetricKey]: MetricOf<Key> };
  return {
    ...metrics,
    onScrape: (read) => readers.push(read),
    remove: () => {
      for (const { name } of Object.values(METRICS)) registry.removeSingleMetric(name);
    },
  };
}

function create(
  { type, name, help, labels }: MetricDefinition,
  registry: Registry,
  collect: () => Promise<void>,
): Counter | Gauge | Histogram {
  const common = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'counter') return new Counter(common);
  return type === 'gauge' ? new Gauge({ ...common, collect }) : new Histogram({ ...common, buckets: SECONDS });
}
