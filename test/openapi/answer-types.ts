import { REQUEST_TEMPLATES } from '../../src/client/request-templates.ts';
import { ID_SCHEMAS } from './id-schemas.ts';
import type { JsonSchema } from './json-schema.ts';

const HEAD = `/**
 * The answers of the admin API over HTTP, by operation. Made by \`npm run docs\` from the schemas of docs/openapi.json.
 */
`;

type Schemas = Readonly<Record<string, JsonSchema>>;
type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;
type Responses = Readonly<Record<string, { readonly content?: Content }>>;
type Paths = Readonly<Record<string, Readonly<Record<string, { readonly responses: Responses }>>>>;

/** The document, as far as this file reads it. */
export interface AnswerDocument {
  readonly paths: Paths;
  readonly components: { readonly schemas: Schemas };
}

/** The text of \`src/client/answers.ts\`: the type of the answer of every operation that has a route. */
export function answerTypes({ paths, components }: AnswerDocument): string {
  const named = new Set<string>();
  const answers = Object.entries(REQUEST_TEMPLATES).map(([operation, templates]) => {
    const types = templates.flatMap(({ method, path }) => {
      const { responses } = paths[path.replaceAll(/[:*](\w+)/g, '{$1}')]?.[method.toLowerCase()] ?? { responses: {} };
      return schemasOf(responses).map((schema) => typeOf(schema, named, 1));
    });
    return `  readonly ${operation}: ${[...new Set(types)].join(' | ') || 'never'};`;
  });
  const interfaces: string[] = [];
  // The loop also visits names that a type adds to the set.
  for (const name of named) {
    const schema = components.schemas[name];
    if (schema === undefined) throw new Error(`there is no component ${name}`);
    interfaces.push(`${comment(schema.description, '')}export type ${name} = ${typeOf({ ...schema }, named, 0)};`);
  }
  return `${HEAD}export interface Answers {\n${answers.join('\n')}\n}\n\n${interfaces.join('\n\n')}\n`;
}

/** The schemas of successful answers that are JSON. */
const schemasOf = (responses: Responses): JsonSchema[] =>
  Object.entries(responses).flatMap(([status, { content }]) => {
    const schema = content?.['application/json']?.schema;
    return status.startsWith('2') && schema !== undefined ? [schema] : [];
  });

function typeOf(schema: JsonSchema, named: Set<string>, depth: number): string {
  const name = schema.$ref?.split('/').at(-1);
  if (name !== undefined && name in ID_SCHEMAS) return 'string';
  if (name !== undefined) {
    named.add(name);
    return name;
  }
  if (schema.anyOf) return [...new Set(schema.anyOf.map((part) => typeOf(part, named, depth)))].join(' | ');
  if (schema.enum)
    return schema.enum.map((value) => (typeof value === 'string' ? `'${value}'` : String(value))).join(' | ');
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  return types.length === 0 ? 'unknown' : types.map((type) => typeOfKind(type, schema, named, depth)).join(' | ');
}

function typeOfKind(type: string, schema: JsonSchema, named: Set<string>, depth: number): string {
  if (type === 'integer') return 'number';
  if (type === 'array') return `readonly ${bracketed(typeOf(schema.items ?? {}, named, depth))}[]`;
  if (type !== 'object') return type;
  if (typeof schema.additionalProperties === 'object') {
    return `Readonly<Record<string, ${typeOf(schema.additionalProperties, named, depth)}>>`;
  }
  const indent = '  '.repeat(depth + 1);
  const members = Object.entries(schema.properties ?? {}).map(([key, member]) => {
    const mark = schema.required?.includes(key) ? '' : '?';
    return `${comment(member.description, indent)}${indent}readonly ${/^\w+$/.test(key) ? key : `'${key}'`}${mark}: ${typeOf(member, named, depth + 1)};`;
  });
  return members.length === 0 ? 'Readonly<Record<string, never>>' : `{\n${members.join('\n')}\n${'  '.repeat(depth)}}`;
}

const bracketed = (type: string): string => (/[ {]/.test(type) ? `(${type})` : type);

const comment = (text: string | undefined, indent: string): string => (text ? `${indent}/** ${text} */\n` : '');
