import { defineRoute, ok, type Route } from '../route.ts';

/** The route of the OpenAPI document. */
export const OPENAPI_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/_dendrite/admin/openapi.json',
    operation: 'getOpenApiDocument',
    input: () => ({}),
    // The paths of the document start after the prefix of the mount.
    respond: (document, { urlOf }) => ok<typeof document>({ ...document, servers: [{ url: urlOf('') || '/' }] }),
  }),
];
