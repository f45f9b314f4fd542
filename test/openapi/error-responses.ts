import { ERROR_STATUS, isErrorCode } from '../../src/errors.ts';
import type { Route } from '../../src/http/route.ts';
import { operationNamed } from '../../src/operations/operations.ts';
import type { RouteInput } from './route-inputs.ts';
import type { OperationDocumentation } from './source-types.ts';

/** The errors with one HTTP status that a route can return. */
export interface Refusals {
  readonly status: number;
  readonly errcodes: readonly string[];
  readonly description: string;
}

const TOKEN =
  '`M_MISSING_TOKEN` without an access token, `M_UNKNOWN_TOKEN` if no login has the access token, ' +
  '`M_USER_LOCKED` if the account of the caller is locked.';
const RIGHTS =
  '`M_FORBIDDEN` if the caller is no administrator, `M_GUEST_ACCESS_FORBIDDEN` if the caller is a guest, ' +
  "`M_FORBIDDEN` or a code of the homeserver's own if a hook of the homeserver refuses the call.";
const OPEN = "`M_FORBIDDEN` or a code of the homeserver's own if a hook of the homeserver refuses the call.";
const BODY = [
  '400 `M_NOT_JSON` if the body is not JSON, `M_BAD_JSON` if it is no object or has a key that is not allowed.',
  '413 `M_TOO_LARGE` if the body is too large.',
  '415 `M_NOT_JSON` if the body is compressed, or if the homeserver has read it as something else than JSON.',
];

/**
 * Describes the errors that all routes of a kind can return. Each text starts with the status, and has the error codes in
 * backticks.
 */
function commonTexts(route: Route, inputs: readonly RouteInput[]): string[] {
  const { effect, access } = operationNamed(route.operation);
  const isOpen = access === 'open';
  const hasRequired = inputs.some(
    ({ required, place, schema }) => (required && place !== 'path') || JSON.stringify(schema).includes('"required"'),
  );
  return [
    ...(isOpen ? [`403 ${OPEN}`] : [`401 ${TOKEN}`, `403 ${RIGHTS}`]),
    ...(inputs.length > 0 || effect !== 'read' ? ['400 `M_INVALID_PARAM` if a parameter is wrong.'] : []),
    ...(hasRequired ? ['400 `M_MISSING_PARAM` if a parameter is missing.'] : []),
    ...(inputs.some(({ isJson }) => isJson) ? ['400 `M_NOT_JSON` if a query parameter is not JSON.'] : []),
    ...(effect === 'read' ? [] : BODY),
    ...(effect === 'job' ? ['409 `M_BAD_STATE` if a job does the same with other options, or was cancelled.'] : []),
    ...(route.isOn === undefined
      ? []
      : ['404 `M_UNRECOGNIZED` if the options of the homeserver switch the route off.']),
    '429 `M_LIMIT_EXCEEDED` after too many failed attempts or open requests from the address.',
    '500 `M_UNKNOWN` if the call fails by a mistake in the code. The log of the homeserver has more under the `request_id`.',
    '503 `M_UNKNOWN` if the database is busy or away, or the homeserver stops.',
  ];
}

const CODE = /M_[A-Z_]+/g;

/** Returns the status at the beginning of a text. If there is none, returns the usual status of its error codes. */
function statusOf(text: string): number {
  const [, given] = /^(\d{3}) /.exec(text) ?? [];
  if (given !== undefined) return Number(given);
  const statuses = (text.match(CODE) ?? []).map((errcode) =>
    isErrorCode(errcode) ? ERROR_STATUS[errcode] : undefined,
  );
  const [status] = statuses;
  if (status !== undefined && statuses.every((other) => other === status)) return status;
  throw new Error(`"@throws ${text}": a tag names error codes of one status, each in full`);
}

/** Returns the errors of a route, by status. They come from `commonTexts()` and from the `@throws` tags of the operation. */
export function refusalsOf(
  route: Route,
  inputs: readonly RouteInput[],
  { throws }: OperationDocumentation,
): Refusals[] {
  const byStatus = new Map<number, { errcodes: Set<string>; texts: Set<string> }>();
  const own = throws.map((text) => text.replace(/^MatrixError /, ''));
  for (const text of [...commonTexts(route, inputs), ...own]) {
    const status = statusOf(text);
    const known = byStatus.get(status) ?? { errcodes: new Set(), texts: new Set() };
    byStatus.set(status, known);
    for (const [errcode] of text.matchAll(CODE)) known.errcodes.add(errcode);
    known.texts.add(`${text.replace(/^\d{3} /, '').replace(/\.$/, '')}.`);
  }
  return [...byStatus]
    .map(([status, { errcodes, texts }]) => ({ status, errcodes: [...errcodes], description: [...texts].join(' ') }))
    .sort((a, b) => a.status - b.status);
}
