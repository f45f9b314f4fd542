import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { isRecord } from '../../src/json.ts';

/** A request that a test has sent, and its answer. */
export interface CheckedExchange {
  readonly method: string;
  readonly path: string;
  readonly body: string | Uint8Array | undefined;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Template {
  readonly path: string;
  readonly pattern: RegExp;
  readonly methods: Readonly<Record<string, unknown>>;
}

const ID = 'openapi.json';

/** Makes the schemas of objects refuse other properties, so that a test fails if an answer has an undocumented field. */
function closeObjects(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closeObjects);
  if (!isRecord(value)) return value;
  const closed = Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === 'requestBody' ? item : closeObjects(item)]),
  );
  const isOpen = closed['type'] === 'object' && !('additionalProperties' in closed);
  return isOpen ? { ...closed, additionalProperties: false } : closed;
}

/**
 * Turns a path such as `/rooms/{roomId}` into a pattern. If several patterns match, the one with more literal segments is used.
 */
function templateOf([path, methods]: [string, unknown]): Template {
  // Event ids of room version 3 may contain slashes.
  const pattern = path
    .replaceAll('{eventId}', '.+')
    .replaceAll(/\{\w+\}/g, '[^/]+')
    .replaceAll('.m', '\\.m');
  return { path, pattern: new RegExp(`${pattern}$`), methods: isRecord(methods) ? methods : {} };
}

const parameters = ({ path }: Template): number => path.split('{').length;

interface Checker {
  readonly templates: readonly Template[];
  readonly validator: (pointer: readonly string[]) => ValidateFunction | undefined;
}

let checker: Checker | undefined;

function createChecker(): Checker {
  const text = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8');
  const document = closeObjects(JSON.parse(text)) as { readonly paths: Record<string, unknown> };
  const ajv = new Ajv2020({ strict: false, validateFormats: false, validateSchema: false, allErrors: true });
  ajv.addSchema(document, ID);
  return {
    templates: Object.entries(document.paths)
      .map(templateOf)
      .sort((a, b) => parameters(a) - parameters(b)),
    validator: (pointer) =>
      ajv.getSchema(
        `${ID}#/${pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`,
      ),
  };
}

/**
 * Compares a request and its answer with `docs/openapi.json`.
 * @returns what is wrong: an undocumented route, status, error code or field of the answer, or an undocumented body that the
 * plugin has accepted
 */
export function openApiProblem(exchange: CheckedExchange): string | undefined {
  const { method, status, headers, text } = exchange;
  // Answers without a request id come from the homeserver, not from the plugin.
  if (headers['x-request-id'] === undefined || method === 'HEAD' || method === 'OPTIONS') return undefined;
  checker ??= createChecker();
  const { templates, validator } = checker;
  const [path = ''] = exchange.path.split('?');
  const found = templates.find(({ pattern }) => pattern.test(path));
  const operation = found?.methods[method.toLowerCase()];
  const missing = (what: string): string =>
    `docs/openapi.json does not document ${what} of ${method} ${found?.path ?? path}. Is \`npm run docs\` missing?`;
  if (found === undefined || !isRecord(operation)) {
    // The files of the console are not part of the API.
    const isApi = headers['content-type'] === 'application/json' && !text.includes('"M_UNRECOGNIZED"');
    return isApi ? missing('the route') : undefined;
  }
  const pointer = ['paths', found.path, method.toLowerCase()];
  const response = isRecord(operation['responses']) ? operation['responses'][status] : undefined;
  if (!isRecord(response)) return missing(`the status ${status}, ${text.slice(0, 200)},`);
  if (headers['content-type'] !== 'application/json') return undefined;
  const shared = typeof response['$ref'] === 'string' ? response['$ref'].slice(2).split('/') : undefined;
  const place = shared ?? [...pointer, 'responses', String(status)];
  const problem = problemsOf(validator([...place, ...JSON_SCHEMA]), text);
  if (problem !== undefined) return missing(`the answer ${status} ${text.slice(0, 300)} (${problem})`);
  if (status >= 300 || exchange.body === undefined) return undefined;
  const body = exchange.body.toString();
  const accepted = validator([...pointer, 'requestBody', ...JSON_SCHEMA]);
  const badBody = accepted && problemsOf(accepted, body);
  return badBody && missing(`the accepted body ${body.slice(0, 300)} (${badBody})`);
}

const JSON_SCHEMA = ['content', 'application/json', 'schema'];

function problemsOf(validate: ValidateFunction | undefined, text: string): string | undefined {
  if (validate === undefined) return 'no schema';
  if (text.trim() === '' || validate(JSON.parse(text))) return undefined;
  return (validate.errors ?? [])
    .map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`)
    .join('; ');
}
