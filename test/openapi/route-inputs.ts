import type { z } from 'zod';
import { MatrixError } from '../../src/errors.ts';
import { nameInRequest, type Route, type RouteRequest, wireName } from '../../src/http/route.ts';
import { isRecord } from '../../src/json.ts';
import { OPERATIONS } from '../../src/operations/operations.ts';
import { schemaOfField } from './input-schemas.ts';
import { anyOf, type JsonSchema } from './json-schema.ts';
import type { Documentation, OperationDocumentation } from './source-types.ts';

type Place = 'path' | 'query' | 'body';

/** A value that a client sends. */
export interface RouteInput {
  readonly name: string;
  readonly place: Place;
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
  /** Whether the value is JSON in the query. */
  readonly isJson: boolean;
}

/**
 * Finds the values that a route reads from its requests. Calls the route's `input` with objects that record which keys are
 * read.
 */
export function inputsOfRoute(route: Route, { fields }: OperationDocumentation): RouteInput[] {
  const read = keysRead(route);
  const shape: Readonly<Record<string, z.ZodType>> = OPERATIONS[route.operation].input.shape;
  const parameters = new Map(Object.keys(shape).map((key) => [nameInRequest(route, key), key]));
  return read.map(({ name, place }) => {
    const parameter = parameters.get(name);
    const field = shape[parameter ?? ''];
    if (parameter === undefined || field === undefined) throw new Error(`${route.path}: ${name} is no parameter`);
    const { required, ...input } = inputOf(route, place, name, parameter, field);
    const description = describe(fields[parameter], input.schema.default !== undefined);
    return { name, place, ...input, required: place === 'path' || required, description };
  });
}

function describe({ text = '', defaultText }: Partial<Documentation> = {}, hasDefault: boolean): string {
  return defaultText === undefined || hasDefault ? text : `${text} Default: ${defaultText}.`;
}

/** Makes a request that has only the given values. */
function requestOf(
  place: Place,
  values: Readonly<Record<string, unknown>>,
  note?: (place: Place, key: string) => void,
) {
  const watched = (own: Place, fallback?: string): Record<string, never> =>
    new Proxy<Record<string, never>>(
      {},
      {
        get: (_target, key) => {
          if (typeof key === 'string') note?.(own, key);
          return own === place && Object.hasOwn(values, key) ? values[String(key)] : fallback;
        },
      },
    );
  const query = watched('query');
  const request: RouteRequest = {
    params: watched('path', 'x'),
    query,
    valuesOf: (key) => (query[key] === undefined ? undefined : [String(query[key])]),
    body: watched('body'),
    address: '',
    userAgent: '',
    respondAsync: false,
    urlOf: (path) => path,
  };
  return request;
}

function keysRead(route: Route): { readonly place: Place; readonly name: string }[] {
  const found = new Map<string, { place: Place; name: string }>();
  route.input(requestOf('path', {}, (place, name) => found.set(`${place} ${name}`, { place, name })));
  // Routes that share code may read a parameter that the path of one of them does not have.
  const names = new Set([...route.path.matchAll(/[:*](\w+)/g)].map(([, name]) => name));
  return [...found.values()].filter(({ place, name }) => place !== 'path' || names.has(name));
}

/** Returns the parameter that a route makes from a value, or the error that the client gets. */
function made(route: Route, place: Place, name: string, parameter: string, value: unknown): unknown {
  try {
    return Reflect.get(route.input(requestOf(place, { [name]: value })) as object, parameter);
  } catch (error) {
    return error;
  }
}

const NO_PARAMETER = 'a value that no parameter takes';

/** Describes a parameter in the form that it has in requests. */
function inputOf(route: Route, place: Place, name: string, parameter: string, field: z.ZodType) {
  const make = (value: unknown): unknown => made(route, place, name, parameter, value);
  const missing = make(undefined);
  const required = !field.safeParse(missing instanceof Error ? undefined : missing).success;
  const own = schemaOfField(field);
  const schema = missing === undefined || missing instanceof Error || required ? own : { ...own, default: missing };
  if (place === 'body') return { required, isJson: false, schema: required ? own : bodySchema(make, schema) };
  const result = make(NO_PARAMETER);
  if (result instanceof MatrixError && result.errcode === 'M_NOT_JSON') return { required, isJson: true, schema };
  return {
    required,
    isJson: false,
    schema: textSchema(make, result, place === 'path' ? (schema.items ?? schema) : schema),
  };
}

/** Returns the schema for a value in a path or query, which is always a text. */
function textSchema(make: (value: string) => unknown, result: unknown, schema: JsonSchema): JsonSchema {
  if (result instanceof MatrixError) {
    return { type: 'boolean', ...(typeof schema.default === 'boolean' && { default: schema.default }) };
  }
  if (typeof make('2026-01-02') === 'number') {
    return anyOf([schema, { type: 'string', format: 'date' }, { type: 'string', format: 'date-time' }]);
  }
  if (!Array.isArray(result) || schema.items === undefined) return make('') === undefined ? withEmpty(schema) : schema;
  // In a query, an empty text stands for `null`.
  return { ...schema, items: { type: 'string', enum: [...(schema.items.anyOf?.[0]?.enum ?? []), ''] } };
}

/** Allows an empty text, because the route ignores it. */
function withEmpty({ minLength: _minLength, ...schema }: JsonSchema): JsonSchema {
  if (schema.enum) return { ...schema, enum: [...schema.enum, ''] };
  return schema.$ref === undefined && schema.type === 'string' && !schema.pattern
    ? schema
    : anyOf([schema, { type: 'string', maxLength: 0 }]);
}

function bodySchema(make: (value: unknown) => unknown, schema: JsonSchema): JsonSchema {
  const renamed = make({ a_b: 1 });
  const form = isRecord(renamed) && 'aB' in renamed ? inSnakeCase(schema) : schema;
  return make(null) === null ? form : anyOf([form, { type: 'null' }]);
}

function inSnakeCase({ properties, required, ...schema }: JsonSchema): JsonSchema {
  const entries = Object.entries(properties ?? {}).map(([key, value]) => [wireName(key), value]);
  return {
    ...schema,
    ...(properties && { properties: Object.fromEntries(entries) }),
    ...(required && { required: required.map(wireName) }),
  };
}
