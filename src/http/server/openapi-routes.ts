import { defineRoute, ok, type Route } from '../route.ts';

/** The route of the OpenAPI document. */
export const OPENAPI_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/_dendrite/admin/openapi.json',
    operation: 'getOpenApiDocument',
    input: () => ({}),
    // The paths in the document do not include the prefix under which the host has mounted the routes. So the server URL in the
    // document includes this prefix.
    respond: (document, { urlOf }) => ok<typeof document>({ ...document, servers: [{ url: urlOf('') || '/' }] }),
  }),
];
