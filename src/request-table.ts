import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { fillTemplate, type RequestPart, type RequestTemplate } from './client/request-of.ts';
import type { Route, RouteRequest } from './http/route.ts';
import { ROUTES } from './http/routes.ts';
import { isRecord } from './json.ts';
import { OPERATIONS, type OperationName, operationNamed } from './operations/operations.ts';

type Place = Pick<RequestPart, 'in' | 'name'>;
type Values = Readonly<Record<string, unknown>>;

/** The parts of a parameter's JSON Schema that this file reads. */
export interface ParameterSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly anyOf?: readonly ParameterSchema[];
  readonly items?: ParameterSchema;
  readonly properties?: Readonly<Record<string, ParameterSchema>>;
}

/** Returns the JSON Schemas of an operation's parameters by name, and the names of the required parameters. */
export function parametersOf(operation: OperationName): {
  readonly properties: Readonly<Record<string, ParameterSchema>>;
  readonly required: readonly string[];
} {
  const schema = z.toJSONSchema(operationNamed(operation).input, { io: 'input', unrepresentable: 'any' });
  return { properties: (schema.properties ?? {}) as Record<string, ParameterSchema>, required: schema.required ?? [] };
}

/**
 * Makes the templates for the requests of each operation. A template says in which part of an HTTP request each parameter goes.
 * To find this out, the function calls the `input` functions of the operation's routes with sample values. The first template
 * of an operation is the best: usually, it takes the most parameters. Further templates are for values that the first template
 * does not take. Operations without routes are left out.
 */
export function buildRequestTable(): Partial<Record<OperationName, readonly RequestTemplate[]>> {
  const names = Object.keys(OPERATIONS) as OperationName[];
  return Object.fromEntries(
    names.map((name) => [name, templatesOf(name)] as const).filter(([, found]) => found.length > 0),
  );
}

function templatesOf(name: OperationName): readonly RequestTemplate[] {
  const tried = ROUTES.filter(({ operation }) => operation === name).map(tryRoute);
  const best = tried.toSorted((a, b) => b.score - a.score).map(({ template }) => template);
  // `Map` keeps the entry that is set last. After `reverse()`, this is the template with the highest score of each kind.
  return [...new Map(best.reverse().map((template) => [kindOf(name, template), template])).values()].reverse();
}

/**
 * Returns a text that is equal for templates with the same fixed values and the same optional parameters in the path. The table
 * keeps only the template with the highest score of each kind.
 */
function kindOf(name: OperationName, { path, parameters, fixed }: RequestTemplate): string {
  const { required } = parametersOf(name);
  const optional = Object.keys(parameters).filter((key) => parameters[key]?.in === 'path' && !required.includes(key));
  return JSON.stringify([fixed, optional, optional.length > 0 && path]);
}

/**
 * Makes the template of a route, and its score. The score is higher for a route that takes more parameters, and for a route
 * that answers with `job_id` when it starts a job. The score is lower for a `GET` route that changes something, and for each
 * parameter that the route sets to another value than its default.
 */
function tryRoute(route: Route): { template: RequestTemplate; score: number } {
  const { properties } = parametersOf(route.operation);
  const nothing = inputOf(route, []);
  const parameters: Record<string, RequestPart> = {};
  for (const place of placesOf(route)) {
    const read = inputOf(route, [[place, 'true']]);
    for (const [name, value] of Object.entries(read)) {
      if (!(name in properties) || name in parameters || isDeepStrictEqual(value, nothing[name])) continue;
      parameters[name] = { ...place, ...valuesOf(route, place, name, properties[name]?.enum ?? []) };
    }
  }
  const set = Object.entries(properties).filter(([name]) => nothing[name] !== undefined);
  const fixed = set.filter(([name]) => !(name in parameters));
  const overridden = set.filter(
    ([name, schema]) =>
      name in parameters && schema.default !== undefined && !isDeepStrictEqual(nothing[name], schema.default),
  );
  const jobIdName = jobIdNameOf(route);
  const template: RequestTemplate = {
    method: route.method,
    path: route.path,
    parameters,
    ...(jobIdName !== undefined && jobIdName !== 'job_id' && { jobIdName }),
    ...(fixed.length > 0 && { fixed: Object.fromEntries(fixed.map(([name]) => [name, nothing[name]])) }),
    ...(overridden.length > 0 && {
      defaults: Object.fromEntries(overridden.map(([name, schema]) => [name, schema.default])),
    }),
  };
  const taken = Object.entries(properties).filter(([name, schema]) => takes(route, template, name, sampleOf(schema)));
  const unsuited = route.method === 'GET' && operationNamed(route.operation).effect !== 'read';
  const unusual = fixed.filter(([name, schema]) => !isDeepStrictEqual(nothing[name], schema.default));
  const score = taken.length * 10 - unusual.length - (jobIdName === 'job_id' ? 0 : 5) - (unsuited ? 5 : 0);
  return { template, score };
}

/**
 * Makes a request from the template, with this value of the parameter. Tells whether the route reads the same value from the
 * request.
 */
function takes(route: Route, template: RequestTemplate, name: string, value: unknown): boolean {
  if (!(name in template.parameters)) return false;
  const { params, query, body } = fillTemplate(template, { [name]: value });
  try {
    const read = route.input(requestWith(params, query, body));
    return isRecord(read) && isDeepStrictEqual(read[name], value);
  } catch {
    return false;
  }
}

/**
 * Finds out how a request expresses the values of an enumerated parameter. Returns `{}` if the request contains the values
 * themselves. Otherwise the request contains `true`, `false` or nothing, and the function returns which of these stands for
 * each value.
 */
function valuesOf(
  route: Route,
  place: Place,
  name: string,
  values: readonly string[],
): Pick<RequestPart, 'values'> | object {
  const readAs = (value: string): unknown => {
    try {
      return inputOf(route, [[place, value]])[name];
    } catch {
      return undefined;
    }
  };
  if (values.every((value) => readAs(value) === value)) return {};
  const entries = [
    ['true', readAs('true')],
    ['false', readAs('false')],
    [null, inputOf(route, [])[name]],
  ] as const;
  return { values: Object.fromEntries(entries.map(([text, value]) => [String(value), text])) };
}

/**
 * Returns the name of the member that holds the job's id in the answer to a request that starts a job. Returns `undefined` if
 * the answer does not contain the id.
 */
function jobIdNameOf(route: Route): string | undefined {
  const started = route.respondStarted?.('job', { ...requestWith({}, [], {}), respondAsync: true });
  if (started === undefined) return 'job_id';
  return isRecord(started.body) ? Object.keys(started.body)[0] : undefined;
}

/** Finds out which parts of a request a route reads. */
function placesOf(route: Route): Place[] {
  const places: Place[] = [];
  const watch = (at: Place['in']): Record<string, string> =>
    new Proxy<Record<string, string>>(
      {},
      {
        get: (_target, name) => {
          if (!places.some((place) => place.in === at && place.name === name))
            places.push({ in: at, name: String(name) });
          return 'true';
        },
      },
    );
  const query = watch('query');
  route.input({
    ...requestWith({}, [], {}),
    params: watch('path'),
    query,
    body: watch('body'),
    valuesOf: (name) => [query[name] ?? ''],
  });
  const names = route.path.split('/').flatMap((part) => (/^[:*]/.test(part) ? [part.slice(1)] : []));
  return places.filter((place) => place.in !== 'path' || names.includes(place.name));
}

/** Returns the input that a route makes from a request with these values. */
function inputOf(route: Route, values: readonly (readonly [Place, string])[]): Values {
  const at = (wanted: Place['in']): [string, string][] =>
    values.filter(([place]) => place.in === wanted).map(([{ name }, value]) => [name, value]);
  const input = route.input(requestWith(Object.fromEntries(at('path')), at('query'), Object.fromEntries(at('body'))));
  return isRecord(input) ? input : {};
}

function requestWith(
  params: RouteRequest['params'],
  query: readonly (readonly [string, string])[],
  body: RouteRequest['body'],
): RouteRequest {
  const all = (name: string): string[] => query.filter(([key]) => key === name).map(([, value]) => value);
  return {
    params,
    query: Object.fromEntries([...query].reverse()),
    valuesOf: (name) => (all(name).length === 0 ? undefined : all(name)),
    body,
    address: '',
    userAgent: '',
    respondAsync: false,
    urlOf: (path) => path,
  };
}

/** Returns a valid value for a parameter with this schema. */
export function sampleOf(schema: ParameterSchema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum.at(-1);
  const [type = 'string'] = [schema.type ?? schema.anyOf?.[0]?.type ?? []].flat();
  const samples: Readonly<Record<string, unknown>> = { integer: 7, boolean: true, array: ['a', 'b'], object: { a: 1 } };
  return samples[type] ?? 'true';
}
