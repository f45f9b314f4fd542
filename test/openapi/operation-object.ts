import type { Route } from '../../src/http/route.ts';
import { operationNamed } from '../../src/operations/operations.ts';
import type { Refusals } from './error-responses.ts';
import { groupBy } from './group-by.ts';
import { anyOf, type JsonSchema } from './json-schema.ts';
import type { RouteAnswer } from './route-answers.ts';
import type { RouteInput } from './route-inputs.ts';

/** A route, with everything that the OpenAPI document says about it. */
export interface Entry {
  readonly route: Route;
  readonly inputs: readonly RouteInput[];
  readonly answers: readonly RouteAnswer[];
  readonly refusals: readonly Refusals[];
  readonly subject: string;
  readonly text: string;
}

/** An Operation Object of OpenAPI. */
export interface OperationObject {
  readonly responses: Record<string, unknown>;
  readonly [key: string]: unknown;
}

const LOCATION = { Location: { description: 'The path of the job.', schema: { type: 'string' } } };
const RETRY_AFTER = { 'Retry-After': { description: 'In seconds.', schema: { type: 'integer' } } };

/** Describes one method of a path. Several operations may share it. */
export function operationOf(
  entries: readonly Entry[],
  ids: Map<string, number>,
  examples: Readonly<Record<string, unknown>>,
): OperationObject {
  const [main] = entries.toSorted((a, b) => Number(a.route.when !== undefined) - Number(b.route.when !== undefined));
  if (main === undefined) throw new Error('a path without routes');
  const { access, effect } = operationNamed(main.route.operation);
  const [summary = '', ...rest] = main.text.split(/(?<=\.)\s/);
  const description = [...rest, ...entries.filter((entry) => entry !== main).map(({ text }) => text)].join(' ');
  const parameters = entries.flatMap(({ inputs }) => inputs.filter(({ place }) => place !== 'body')).map(parameterOf);
  const body = bodyOf(entries);
  return {
    operationId: idOf(main.route.operation, ids),
    tags: [main.subject],
    summary,
    ...(description && { description }),
    'x-operation': entries.map(({ route }) => route.operation).join(' '),
    'x-access': access,
    'x-effect': effect,
    ...(main.route.openTo && { security: [] }),
    ...((parameters.length > 0 || effect === 'job') && {
      parameters: [...parameters, ...(effect === 'job' ? [PREFER] : [])],
    }),
    ...(body && { requestBody: body }),
    responses: { ...answersOfEntries(entries, examples), ...refusalsOfEntries(entries) },
  };
}

const PREFER = {
  name: 'Prefer',
  in: 'header',
  description: '`respond-async`: the answer does not wait for the job, RFC 7240.',
  schema: { type: 'string' },
};

/** Returns the id of a route: the name of its operation. If several routes have the same operation, adds a number. */
function idOf(operation: string, ids: Map<string, number>): string {
  const number = (ids.get(operation) ?? 0) + 1;
  ids.set(operation, number);
  return number === 1 ? operation : `${operation}${number}`;
}

function parameterOf({ name, place, required, description, schema, isJson }: RouteInput): object {
  return {
    name,
    in: place,
    ...(required && { required }),
    ...(description && { description }),
    ...(isJson ? { content: { 'application/json': { schema } } } : { schema }),
  };
}

function bodyOf(entries: readonly Entry[]): object | undefined {
  if (entries.every(({ route }) => operationNamed(route.operation).effect === 'read')) return undefined;
  const bodies = entries.map(({ inputs, route }) =>
    bodySchemaOf(
      inputs.filter(({ place }) => place === 'body'),
      route,
    ),
  );
  if (bodies.every(({ properties }) => properties === undefined)) return undefined;
  const required = bodies.some((body) => body.required !== undefined) || entries.some(({ route }) => route.needsBody);
  return { ...(required && { required }), content: { 'application/json': { schema: anyOf(bodies) } } };
}

function bodySchemaOf(inputs: readonly RouteInput[], { ignoredKeys = [] }: Route): JsonSchema {
  const properties = [
    ...inputs.map(
      ({ name, description, schema }) => [name, { ...(description && { description }), ...schema }] as const,
    ),
    ...ignoredKeys.map((key) => [key, { description: 'Has no effect.' }] as const),
  ];
  const required = inputs.filter((input) => input.required).map(({ name }) => name);
  return {
    type: 'object',
    ...(properties.length > 0 && { properties: Object.fromEntries(properties) }),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function answersOfEntries(entries: readonly Entry[], examples: Readonly<Record<string, unknown>>): object {
  const byStatus = groupBy(
    entries.flatMap(({ answers }) => answers),
    ({ status }) => status,
  );
  return Object.fromEntries(
    [...byStatus].map(([status, answers]) => [status, answerOf(status, answers, examples[status])]),
  );
}

const MEANINGS: Readonly<Record<number, string>> = {
  200: 'The answer.',
  201: 'The answer; something new exists.',
  202: 'The job goes on.',
};

function answerOf(status: number, answers: readonly RouteAnswer[], example: unknown): object {
  const schema = anyOf(answers.map((answer) => answer.schema));
  const [other] = answers.flatMap(({ contentType }) => contentType ?? []);
  const type = other ?? (answers.some(({ isStream }) => isStream) ? 'text/event-stream' : 'application/json');
  const content = { [type]: { schema, ...(example !== undefined && { example }) } };
  return { description: MEANINGS[status] ?? '', ...(status === 202 && { headers: LOCATION }), content };
}

function refusalsOfEntries(entries: readonly Entry[]): Record<number, unknown> {
  const byStatus = groupBy(
    entries.flatMap(({ refusals }) => refusals),
    ({ status }) => status,
  );
  return Object.fromEntries([...byStatus].map(([status, refusals]) => [status, refusalOf(status, refusals)]));
}

function refusalOf(status: number, refusals: readonly Refusals[]): object {
  const errcodes = [...new Set(refusals.flatMap((refusal) => refusal.errcodes))];
  // Hooks of the homeserver can refuse a call with error codes of their own.
  const schema = status === 403 ? {} : { properties: { errcode: { enum: errcodes } } };
  return {
    description: [...new Set(refusals.map(({ description }) => description))].join(' '),
    ...((status === 429 || status === 503) && { headers: RETRY_AFTER }),
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error', ...schema } } },
  };
}
