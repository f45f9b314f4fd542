/** A JSON Schema, draft 2020-12, as OpenAPI 3.1 uses it. */
export interface JsonSchema {
  $ref?: string;
  type?: string | readonly string[];
  description?: string;
  format?: string;
  pattern?: string;
  default?: unknown;
  const?: unknown;
  enum?: readonly unknown[];
  examples?: readonly unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  contentMediaType?: string;
  contentSchema?: JsonSchema;
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: readonly string[];
  additionalProperties?: JsonSchema | boolean;
  anyOf?: readonly JsonSchema[];
}

/** Returns a schema for values that match one of several schemas. Joins simple schemas. */
export function anyOf(schemas: readonly JsonSchema[]): JsonSchema {
  const distinct = [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()];
  const [first] = distinct;
  if (first !== undefined && distinct.length === 1) return first;
  const nullAt = distinct.findIndex((schema) => schema.type === 'null');
  const others = distinct.filter((_schema, index) => index !== nullAt);
  const [only] = others;
  if (nullAt >= 0 && others.length === 1 && typeof only?.type === 'string') {
    return { ...only, type: [only.type, 'null'], ...(only.enum && { enum: [...only.enum, null] }) };
  }
  return { anyOf: nullAt < 0 ? distinct : [...others, { type: 'null' }] };
}
