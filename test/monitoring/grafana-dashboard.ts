/** A query of a panel. `legend` is Grafana's name for each series. */
interface PanelQuery {
  readonly expr: string;
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly queries: readonly PanelQuery[];
}

/**
 * The panels of the dashboard, by row. The values of counters are added up over all processes. All processes report the same
 * values for gauges of the database, so only one of them is used.
 */
export const PANELS: Readonly<Record<string, readonly Panel[]>> = {
  Jobs: [
    {
      title: 'Unfinished jobs',
      unit: 'short',
      queries: [
        {
          expr: 'max by (kind, state) (matrix_admin_jobs{state=~"queued|running"})',
          legend: '{{kind}} {{state}}',
        },
      ],
    },
    {
      title: 'Progress',
      unit: 'percentunit',
      queries: [{ expr: 'max by (kind) (matrix_admin_job_progress_ratio)', legend: '{{kind}}' }],
    },
    {
      title: 'Time since the last progress',
      unit: 's',
      queries: [
        {
          expr: 'time() - max by (kind) (matrix_admin_job_last_progress_timestamp_seconds)',
          legend: '{{kind}}',
        },
      ],
    },
    {
      title: 'Age of the oldest unfinished job',
      unit: 's',
      queries: [{ expr: 'max by (kind) (matrix_admin_job_oldest_age_seconds)', legend: '{{kind}}' }],
    },
  ],
  Operations: [
    {
      title: 'Operations by outcome',
      unit: 'ops',
      queries: [{ expr: 'sum by (outcome) (rate(matrix_admin_operations_total[5m]))', legend: '{{outcome}}' }],
    },
    {
      title: 'Failed operations in the last hour',
      unit: 'short',
      queries: [
        {
          expr: 'sum by (operation) (increase(matrix_admin_operations_total{outcome="failed"}[1h]))',
          legend: '{{operation}}',
        },
      ],
    },
    {
      title: '95 % of the operations took less than',
      unit: 's',
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (operation, le) (rate(matrix_admin_operation_duration_seconds_bucket[5m])))',
          legend: '{{operation}}',
        },
      ],
    },
    {
      title: 'HTTP requests by status',
      unit: 'reqps',
      queries: [{ expr: 'sum by (status) (rate(matrix_admin_http_requests_total[5m]))', legend: '{{status}}' }],
    },
    {
      title: 'Refused access tokens',
      unit: 'ops',
      queries: [{ expr: 'sum by (reason) (rate(matrix_admin_auth_failures_total[5m]))', legend: '{{reason}}' }],
    },
    {
      title: 'Failures of hooks and of the homeserver in the last hour',
      unit: 'short',
      queries: [
        {
          expr: 'sum by (operation, phase) (increase(matrix_admin_hook_failures_total[1h]))',
          legend: 'hook {{phase}} {{operation}}',
        },
        { expr: 'sum by (callee) (increase(matrix_admin_host_call_failures_total[1h]))', legend: '{{callee}}' },
      ],
    },
  ],
  Search: [
    {
      title: 'Documents in the index',
      unit: 'short',
      queries: [{ expr: 'max by (engine) (matrix_admin_search_index_documents)', legend: '{{engine}}' }],
    },
    {
      title: 'Size of the index',
      unit: 'bytes',
      queries: [{ expr: 'max by (engine) (matrix_admin_search_index_bytes)', legend: '{{engine}}' }],
    },
    {
      title: 'Changes that wait for the engine',
      unit: 'short',
      queries: [
        { expr: 'max by (engine) (matrix_admin_search_queue_depth)', legend: '{{engine}}' },
        { expr: 'sum by (engine) (matrix_admin_search_tasks_in_flight)', legend: 'batches at {{engine}}' },
      ],
    },
    {
      title: 'Documents written',
      unit: 'ops',
      queries: [
        { expr: 'sum by (engine) (rate(matrix_admin_search_documents_indexed_total[5m]))', legend: '{{engine}}' },
      ],
    },
    {
      title: 'Time of a batch of a reindex',
      unit: 's',
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (engine, le) (rate(matrix_admin_search_batch_duration_seconds_bucket[5m])))',
          legend: '95 % at {{engine}}',
        },
        { expr: 'sum by (engine) (rate(matrix_admin_search_batches_total[5m]))', legend: 'batches per second' },
      ],
    },
    {
      title: 'Requests to the engine',
      unit: 'reqps',
      queries: [
        { expr: 'sum by (engine) (rate(matrix_admin_search_requests_total[5m]))', legend: '{{engine}}' },
        { expr: 'sum by (engine) (rate(matrix_admin_search_errors_total[5m]))', legend: 'errors of {{engine}}' },
      ],
    },
    {
      title: 'Time since the last reindex',
      unit: 's',
      queries: [
        {
          expr: 'time() - max by (engine) (matrix_admin_search_last_rebuild_timestamp_seconds)',
          legend: '{{engine}}',
        },
      ],
    },
    {
      title: 'Health of the index',
      unit: 'short',
      queries: [{ expr: 'min by (engine) (matrix_admin_search_health)', legend: '{{engine}}' }],
    },
  ],
  Homeserver: [
    {
      title: 'What waits for other servers',
      unit: 'short',
      queries: [{ expr: 'max by (type) (matrix_admin_federation_queued)', legend: '{{type}}' }],
    },
    {
      title: 'Open reports',
      unit: 'short',
      queries: [{ expr: 'max by (kind) (matrix_admin_reports{status="open"})', legend: '{{kind}}' }],
    },
    {
      title: 'Database connections',
      unit: 'short',
      queries: [{ expr: 'matrix_admin_database_connections', legend: '{{instance}} {{state}}' }],
    },
  ],
};

const COLUMNS = 3;
const WIDTH = 24 / COLUMNS;
const HEIGHT = 8;

/** Makes the dashboard in Grafana's JSON format. */
export function grafanaDashboard(): Record<string, unknown> {
  const panels: Record<string, unknown>[] = [];
  let y = 0;
  for (const [row, own] of Object.entries(PANELS)) {
    panels.push({ id: panels.length + 1, type: 'row', title: row, gridPos: { x: 0, y, w: 24, h: 1 }, panels: [] });
    y += 1;
    own.forEach(({ title, unit, queries }, n) => {
      const gridPos = { x: (n % COLUMNS) * WIDTH, y: y + Math.floor(n / COLUMNS) * HEIGHT, w: WIDTH, h: HEIGHT };
      panels.push({
        id: panels.length + 1,
        type: 'timeseries',
        title,
        datasource: { type: 'prometheus', uid: '${datasource}' },
        gridPos,
        fieldConfig: { defaults: { unit }, overrides: [] },
        targets: queries.map(({ expr, legend }, index) => ({
          refId: String.fromCharCode(65 + index),
          expr,
          legendFormat: legend,
        })),
      });
    });
    y += Math.ceil(own.length / COLUMNS) * HEIGHT;
  }
  return {
    title: 'Matrix admin',
    uid: 'koa-matrix-admin',
    schemaVersion: 39,
    tags: ['matrix'],
    time: { from: 'now-6h', to: 'now' },
    refresh: '30s',
    templating: {
      list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' }],
    },
    panels,
  };
}
