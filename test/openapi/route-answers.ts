import { type Checker, SignatureKind, type Type, TypeFlags, type TypeReference } from 'typescript/unstable/sync';
import type { Route } from '../../src/http/route.ts';
import { OPERATIONS, operationNamed } from '../../src/operations/operations.ts';
import type { JsonSchema } from './json-schema.ts';
import type { RouteTypes } from './source-types.ts';
import type { TypeSchemas } from './type-schemas.ts';

/** A successful answer of a route. */
export interface RouteAnswer {
  readonly status: number;
  /** The schema of the JSON body, or of one event of a stream of server-sent events. */
  readonly schema: JsonSchema;
  readonly isStream: boolean;
  /** The type of an answer that is neither JSON nor a stream of events. */
  readonly contentType?: string;
}

const ACCEPTED: RouteAnswer = {
  status: 202,
  schema: { $ref: '#/components/schemas/StartedJob' },
  isStream: false,
};

/** Returns the successful answers of a route. */
export function answersOf(checker: Checker, schemas: TypeSchemas, route: Route, types: RouteTypes): RouteAnswer[] {
  const name = `${route.method} ${route.path}`;
  const read = (type: Type | undefined): RouteAnswer[] =>
    type === undefined ? [] : answersOfType(checker, schemas, type, name);
  if (operationNamed(route.operation).effect !== 'job') return read(types.answer);
  if (route.respondStarted === undefined) return [...read(types.answer), ACCEPTED];
  // This answer comes before the job has ended. A dry run has no job, and its answer is the result.
  const hasDryRun = 'dryRun' in OPERATIONS[route.operation].input.shape;
  return [...read(types.started), ...(hasDryRun ? read(types.answer) : [])];
}

function answersOfType(checker: Checker, schemas: TypeSchemas, type: Type, name: string): RouteAnswer[] {
  const parts = type.isUnionType() ? type.getTypes() : [type];
  return parts.flatMap((part): RouteAnswer[] => {
    const typeOf = (member: string): Type | undefined => {
      const symbol = checker.getPropertyOfType(part, member);
      return symbol && checker.getTypeOfSymbol(symbol);
    };
    const body = checker.getNonNullableType(typeOf('body') ?? checker.getNeverType());
    if (typeOf('lines')?.isObjectType()) {
      const lines = { isStream: false, schema: { type: 'string' }, contentType: 'application/x-ndjson' };
      return statusesOf(typeOf('status')).map((status) => ({ status, ...lines }));
    }
    const data = dataOfEvents(checker, typeOf('events'));
    const content =
      data === undefined
        ? body && !(body.flags & TypeFlags.Never) && { isStream: false, schema: schemas.schemaOf(body, name) }
        : { isStream: true, schema: eventOf(schemas.schemaOf(data, name)) };
    // An operation that always fails has no successful answer.
    return content ? statusesOf(typeOf('status')).map((status) => ({ status, ...content })) : [];
  });
}

/** Returns the type of the data in a stream's events. Returns `undefined` if the answer is not a stream. */
function dataOfEvents(checker: Checker, events: Type | undefined): Type | undefined {
  const [signature] = events?.isObjectType() ? checker.getSignaturesOfType(events, SignatureKind.Call) : [];
  const stream = signature && checker.getReturnTypeOfSignature(signature);
  const [event] = stream === undefined ? [] : checker.getTypeArguments(stream as TypeReference);
  const data = event && checker.getPropertyOfType(event, 'data');
  return data && checker.getTypeOfSymbol(data);
}

/** Returns the schema of a server-sent event whose data is JSON. */
const eventOf = (data: JsonSchema): JsonSchema => ({
  type: 'object',
  properties: {
    event: { type: 'string' },
    data: { type: 'string', contentMediaType: 'application/json', contentSchema: data },
  },
  required: ['event', 'data'],
});

function statusesOf(type: Type | undefined): number[] {
  const types = type?.isUnionType() ? type.getTypes() : [type];
  return types.flatMap((part) => (part?.isNumberLiteralType() ? [part.value] : []));
}
