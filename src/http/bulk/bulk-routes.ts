import { defineRoute, numberOf, okOf, page, type Route, wireForm } from '../route.ts';

const BULK = '/_dendrite/admin/bulk';

/**
 * Converts the keys of an object with filters or options from the snake_case of requests to the camelCase of operations.
 * Returns any other value unchanged.
 */
function camelCase(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.replace(/_([a-z])/g, (pair) => pair.slice(1).toUpperCase()), item]),
  );
}

/** Routes that plan, run and show bulk operations, which run one operation on many users or rooms. */
export const BULK_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: BULK,
    operation: 'runBulk',
    when: ({ body }) => body.token !== undefined,
    input: ({ body }) => ({ token: body.token }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: BULK,
    operation: 'planBulk',
    names: { onlyPlans: 'dry_run' },
    input: ({ body }) => ({
      operation: body.operation,
      onlyPlans: body.dry_run ?? false,
      userIds: body.user_ids,
      roomIds: body.room_ids,
      userFilter: camelCase(body.user_filter),
      roomFilter: camelCase(body.room_filter),
      options: camelCase(body.options),
    }),
    respond: (plan) => okOf({ ...plan, dryRun: true }),
  }),
  defineRoute({
    method: 'GET',
    path: `${BULK}/:token`,
    operation: 'getBulk',
    input: ({ params, query }) => ({
      token: params.token,
      from: numberOf(query.from),
      limit: numberOf(query.limit),
    }),
    respond: ({ nextToken, items, ...bulk }) => page({ ...wireForm(bulk), items: wireForm(items) }, nextToken),
  }),
];
