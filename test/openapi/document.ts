import type { Route } from '../../src/http/route.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { refusalsOf } from './error-responses.ts';
import { groupBy } from './group-by.ts';
import { ID_SCHEMAS } from './id-schemas.ts';
import type { JsonSchema } from './json-schema.ts';
import { type Entry, type OperationObject, operationOf } from './operation-object.ts';
import { answersOf } from './route-answers.ts';
import { inputsOfRoute } from './route-inputs.ts';
import { shareResponses } from './shared-responses.ts';
import { openSourceTypes, type SourceTypes } from './source-types.ts';
import { createTypeSchemas, type TypeSchemas } from './type-schemas.ts';

const DESCRIPTION =
  'The admin API of a Matrix homeserver, with the paths of Dendrite and of Synapse. Only accounts with `account_type = 3` may ' +
  'call it, unless an operation says otherwise. Times are in ms since the epoch. Every answer has the header `X-Request-Id`, ' +
  'under which the log of the homeserver and the audit know the request. An operation with the effect `job` is done by a job: ' +
  'the answer waits for the end of the job, and is `202` with the id of the job if the job takes too long, or at once with the ' +
  'header `Prefer: respond-async`.';

const ERROR: JsonSchema = {
  description: 'The one shape of all refusals. Some codes have more fields.',
  type: 'object',
  properties: {
    errcode: { type: 'string', description: "An error code of the Matrix specification, or of the homeserver's own." },
    error: { type: 'string', description: 'What is wrong, for people.' },
    retry_after_ms: { type: 'integer', description: 'After how many ms the caller may try again.' },
    soft_logout: { type: 'boolean', description: 'With `M_USER_LOCKED`: whether the client may keep its data.' },
    request_id: { type: 'string', description: 'With a status from 500 on: the id under which the log has more.' },
    job_id: { type: 'string', description: 'The job that the refusal is about.' },
    approval_id: { type: 'string', description: 'The approval for which the call waits.' },
  },
  required: ['errcode', 'error'],
};

const STARTED_JOB: JsonSchema = {
  description: 'A job that goes on. `GET /_dendrite/admin/jobs/{jobId}` shows it.',
  type: 'object',
  properties: { job_id: { type: 'string', format: 'uuid' } },
  required: ['job_id'],
};

export interface OpenApi {
  readonly document: Readonly<Record<string, unknown>>;
  /** The fields of answers that may have any value. */
  readonly undeclared: readonly string[];
}

/** Examples of answers, by method and path, and then by status. */
export type Examples = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Makes the OpenAPI document from the route table, the schemas of the inputs and the types of the answers. */
export function makeOpenApi(version: string, examples: Examples): OpenApi {
  const source = openSourceTypes();
  try {
    const schemas = createTypeSchemas(source.checker);
    const entries = ROUTES.map((route) => entryOf(source, schemas, route));
    const byPath = groupBy(entries, ({ route }) => pathOf(route));
    const ids = new Map<string, number>();
    const paths: Record<string, Record<string, OperationObject>> = {};
    for (const [path, ofPath] of byPath) {
      paths[path] = {};
      for (const [method, ofMethod] of groupBy(ofPath, ({ route }) => route.method)) {
        paths[path][method.toLowerCase()] = operationOf(ofMethod, ids, examples[`${method} ${path}`] ?? {});
      }
    }
    const responses = shareResponses(Object.values(paths).flatMap((methods) => Object.values(methods)));
    return { document: documentOf(version, paths, responses, schemas, entries), undeclared: schemas.undeclared };
  } finally {
    source.close();
  }
}

const pathOf = ({ path }: Route): string => path.replaceAll(/[:*](\w+)/g, '{$1}');

function entryOf(source: SourceTypes, schemas: TypeSchemas, route: Route): Entry {
  const documentation = source.documentationOf(route.operation);
  const types = source.typesOf(route);
  const inputs = inputsOfRoute(route, documentation);
  return {
    route,
    inputs,
    answers: answersOf(source.checker, schemas, route, types),
    refusals: refusalsOf(route, inputs, documentation),
    subject: types.subject,
    text: documentation.text,
  };
}

function documentOf(
  version: string,
  paths: Readonly<Record<string, unknown>>,
  responses: Readonly<Record<string, unknown>>,
  { components }: TypeSchemas,
  entries: readonly Entry[],
): Readonly<Record<string, unknown>> {
  const schemas = { Error: ERROR, StartedJob: STARTED_JOB, ...ID_SCHEMAS, ...Object.fromEntries(components) };
  return {
    openapi: '3.1.1',
    info: { title: 'koa-matrix-admin', version, description: DESCRIPTION, license: { name: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    security: [{ accessToken: [] }, { accessTokenInQuery: [] }],
    tags: [...new Set(entries.map(({ subject }) => subject))].map((name) => ({ name })),
    paths,
    components: {
      responses,
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        accessToken: { type: 'http', scheme: 'bearer', description: 'The access token of an administrator.' },
        accessTokenInQuery: { type: 'apiKey', in: 'query', name: 'access_token' },
      },
    },
  };
}

/**
 * Returns the document as a text. It has one line for each operation and each component, so that differences between versions
 * are readable.
 */
export function textOf(document: OpenApi['document']): string {
  const block = (value: unknown, depth: number): string => {
    if (depth === 0 || typeof value !== 'object' || value === null || Array.isArray(value))
      return JSON.stringify(value);
    const lines = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${block(item, depth - 1)}`);
    return `{\n${lines.join(',\n')}\n}`;
  };
  return `${block(document, 3)}\n`;
}
