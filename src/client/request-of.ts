import type { OperationName } from '../operations/operations.ts';
import { REQUEST_TEMPLATES } from './request-templates.ts';

/** The place of an operation's parameter in a request. */
export interface RequestPart {
  readonly in: 'path' | 'query' | 'body';
  /** The name of the parameter in requests. */
  readonly name: string;
  /**
   * The keys are values of the operation's parameter. Each is mapped to the value that the request has instead. `null` means
   * that the request leaves the parameter out. @defaultValue the request has the same value as the operation
   */
  readonly values?: Readonly<Record<string, string | null>>;
}

/** Describes the request that runs an operation. */
export interface RequestTemplate {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** The path. Its parameters are written as `:name`. */
  readonly path: string;
  readonly parameters: Readonly<Record<string, RequestPart>>;
  /** Parameters that the route itself sets, and their values. Requests do not contain these parameters. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  /** Parameters whose default in the operation differs from the route's default. Requests contain the operation's default. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** The name of the job's id in the answer, if it is not `job_id`. */
  readonly jobIdName?: string;
}

/** A request that runs an operation, split into its parts. */
export interface OperationRequest {
  readonly method: RequestTemplate['method'];
  /** The template of the path. */
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly body: Readonly<Record<string, unknown>>;
  /** The name of the job's id in the answer, if it is not `job_id`. */
  readonly jobIdName?: string;
}

type Input = Readonly<Record<string, unknown>>;

/** Returns the templates for an operation's requests. Returns an empty list if the operation has no route. */
export function templatesOf(operation: string): readonly RequestTemplate[] {
  return Object.hasOwn(REQUEST_TEMPLATES, operation) ? (REQUEST_TEMPLATES[operation as OperationName] ?? []) : [];
}

/**
 * Returns the request that runs an operation with an input.
 * @throws TypeError if the operation has no route, or if none of its routes accepts the parameters of the input
 */
export function requestOf(operation: string, input: Input): OperationRequest {
  const templates = templatesOf(operation);
  if (templates.length === 0) {
    throw new TypeError(`${operation} has no route: only code of the homeserver itself can call it`);
  }
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  const template = templates.find(
    (candidate) => given.every(([name, value]) => takes(candidate, name, value)) && isFilled(candidate, input),
  );
  if (template !== undefined) return fillTemplate(template, input);
  const names = given.map(([name]) => name).join(', ');
  throw new TypeError(`no route of ${operation} takes these parameters: ${names}`);
}

const takes = ({ parameters, fixed }: RequestTemplate, name: string, value: unknown): boolean =>
  name in parameters || (fixed !== undefined && name in fixed && fixed[name] === value);

/** Tells whether an input has all parameters of the template's path. */
const isFilled = ({ parameters }: RequestTemplate, input: Input): boolean =>
  Object.entries(parameters).every(([name, part]) => part.in !== 'path' || input[name] !== undefined);

/** Puts the template's defaults and an input into a template. Leaves out parameters that the template does not know. */
export function fillTemplate(
  { method, path, parameters, defaults, jobIdName }: RequestTemplate,
  input: Input,
): OperationRequest {
  const params: Record<string, string> = {};
  const query: (readonly [string, string])[] = [];
  const body: Record<string, unknown> = {};
  for (const [parameter, value] of Object.entries({ ...defaults, ...input })) {
    const part = parameters[parameter];
    if (value === undefined || part === undefined) continue;
    const text = part.values?.[textOf(value)];
    if (text === null) continue;
    if (part.in === 'path') params[part.name] = text ?? textOf(value);
    else if (part.in === 'query') query.push(...textsOf(text ?? value).map((item) => [part.name, item] as const));
    else body[part.name] = text ?? value;
  }
  return { method, route: path, params, query, body, ...(jobIdName !== undefined && { jobIdName }) };
}

/**
 * Converts a value to the texts that a query has for it. A list becomes one text for each item, and `null` becomes an empty
 * text.
 */
function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (value === null) return [''];
  return [textOf(value)];
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Returns the path and the query of a request. @throws TypeError if a parameter of the path is missing */
export function pathOf({ route, params, query }: OperationRequest): string {
  const path = route.replaceAll(/[:*](\w+)/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined) throw new TypeError(`the parameter ${name} of ${route} is missing`);
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams(query.map(([name, value]): [string, string] => [name, value])).toString();
  return search === '' ? path : `${path}?${search}`;
}
