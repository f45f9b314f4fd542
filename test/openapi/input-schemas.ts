import { z } from 'zod';
import { ID_SCHEMAS } from './id-schemas.ts';
import type { JsonSchema } from './json-schema.ts';

/**
 * A sample id of each type. `z.custom()` has no JSON Schema, so the type of a field is found by trying which sample it accepts.
 */
const SAMPLES: Readonly<Record<string, string>> = {
  UserId: '@alice:example.org',
  RoomId: '!room:example.org',
  RoomAlias: '#room:example.org',
  EventId: '$event',
  ServerName: 'example.org',
  MediaId: 'media_id',
};

/** Returns the JSON Schema of the values that a field of an operation's input accepts. */
export function schemaOfField(field: z.core.$ZodType): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(field, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema instanceof z.ZodCustom) Object.assign(jsonSchema, schemaOfId(zodSchema));
      removeTheObvious(jsonSchema);
    },
  });
  return schema as JsonSchema;
}

function schemaOfId(schema: z.core.$ZodType): JsonSchema {
  const accepted = Object.keys(SAMPLES).filter((name) => z.safeParse(schema, SAMPLES[name]).success);
  const name = accepted.join('') === 'RoomIdRoomAlias' ? 'RoomIdOrAlias' : accepted.join('');
  if (ID_SCHEMAS[name] === undefined) throw new Error('an input is checked by z.custom(), but is no id');
  return { $ref: `#/components/schemas/${name}` };
}

/** Removes properties that say nothing new: limits of safe integers, the types of keys, and patterns that repeat a format. */
function removeTheObvious(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.format === 'uuid') delete schema.pattern;
  if (Object.keys(schema.propertyNames ?? {}).join('') === 'type') delete schema.propertyNames;
}
