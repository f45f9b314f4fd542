import { defineRoute, numberOf, ok, okOf, page, type Route, timeOf, wireForm } from '../route.ts';

const ADMIN = '/_synapse/admin/v1';
const UPDATES = `${ADMIN}/background_updates`;

/**
 * Synapse's routes for tasks and background updates. They show the plugin's jobs as tasks, and show and start the reindex of
 * the search as a background update.
 */
export const TASK_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/scheduled_tasks`,
    operation: 'listTasks',
    input: ({ query }) => ({
      actionName: query.action_name,
      resourceId: query.resource_id,
      status: query.status,
      jobStatus: query.job_status,
      maxTimestamp: timeOf(query.max_timestamp),
      limit: numberOf(query.limit),
      from: numberOf(query.from),
    }),
    respond: ({ tasks, nextToken }) => page({ scheduled_tasks: wireForm(tasks) }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${UPDATES}/status`,
    operation: 'getBackgroundUpdates',
    input: () => ({}),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${UPDATES}/enabled`,
    operation: 'getBackgroundUpdates',
    input: () => ({}),
    respond: ({ enabled }) => ok({ enabled }),
  }),
  defineRoute({
    method: 'POST',
    path: `${UPDATES}/enabled`,
    operation: 'setBackgroundUpdatesEnabled',
    input: ({ body }) => ({ enabled: body.enabled }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: `${UPDATES}/start_job`,
    operation: 'startBackgroundUpdate',
    input: ({ body }) => ({ jobName: body.job_name }),
    respond: () => ok({}),
  }),
];
