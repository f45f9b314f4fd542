import {
  type Checker,
  ObjectFlags,
  SymbolFlags,
  type Type,
  TypeFlags,
  type TypeReference,
  type Symbol as TypeSymbol,
} from 'typescript/unstable/sync';
import { wireName } from '../../src/http/route.ts';
import { ID_SCHEMAS } from './id-schemas.ts';
import { anyOf, type JsonSchema } from './json-schema.ts';

/** Names of the numbers that may have fractions. All other numbers of answers are integers. */
const FRACTIONS: ReadonlySet<string> = new Set(['percent', 'rate', 'average_items_per_ms']);

const CAMEL_CASE = /^[a-z][A-Za-z0-9]*$/;

/** The place of a type: the keys that lead to it, which errors name, and whether `wireForm()` renames the keys inside it. */
interface Place {
  readonly path: readonly string[];
  readonly inWireForm: boolean;
}

export interface TypeSchemas {
  /** Returns the JSON Schema of a type of `src/`. */
  readonly schemaOf: (type: Type, path: string) => JsonSchema;
  /** The schemas of named types. Other schemas refer to them. */
  readonly components: ReadonlyMap<string, JsonSchema>;
  /** The places that may have any value, because their type is `unknown`, `any` or `object`. */
  readonly undeclared: readonly string[];
}

/** Creates a converter from TypeScript types to JSON Schemas. Doc comments become descriptions. */
export function createTypeSchemas(checker: Checker): TypeSchemas {
  const components = new Map<string, JsonSchema>();
  const forms = new Map<string, { readonly id: number; readonly inWireForm: boolean }>();
  const undeclared: string[] = [];

  const convert = (type: Type, place: Place): JsonSchema => {
    const id = ID_SCHEMAS[type.getAliasSymbol()?.name ?? ''];
    if (id !== undefined) return reference(type.getAliasSymbol()?.name ?? '', id);
    if (type.isUnionType()) return convertUnion(type.getTypes(), place);
    if (type.isLiteralType()) return literal(type.value);
    const primitive = convertPrimitive(type.flags, place);
    if (primitive !== undefined) return primitive;
    const name = nameOf(type);
    return name === undefined ? convertObject(type, place) : named(name, type, place);
  };

  const convertUnion = (types: readonly Type[], place: Place): JsonSchema => {
    const present = types.filter(({ flags }) => !(flags & (TypeFlags.Undefined | TypeFlags.Never)));
    const literals = present.flatMap((type) => (type.isLiteralType() ? [type.value] : []));
    const strings = literals.filter((value) => typeof value === 'string').sort();
    const booleans = literals.filter((value) => typeof value === 'boolean');
    const others = present.filter((type) => !type.isLiteralType() || typeof type.value === 'number');
    return anyOf([
      ...(strings.length > 0 ? [{ type: 'string', enum: strings }] : []),
      ...(booleans.length === 2
        ? [{ type: 'boolean' }]
        : booleans.map((value) => ({ type: 'boolean', enum: [value] }))),
      ...others.map((type) => convert(type, place)),
    ]);
  };

  const convertPrimitive = (flags: TypeFlags, place: Place): JsonSchema | undefined => {
    if (flags & TypeFlags.String || flags & TypeFlags.TemplateLiteral) return { type: 'string' };
    if (flags & TypeFlags.Number) return { type: FRACTIONS.has(place.path.at(-1) ?? '') ? 'number' : 'integer' };
    if (flags & TypeFlags.Boolean) return { type: 'boolean' };
    if (flags & TypeFlags.Null) return { type: 'null' };
    if (flags & TypeFlags.AnyOrUnknown) return undeclaredAt(place, {});
    if (flags & TypeFlags.NonPrimitive) return undeclaredAt(place, { type: 'object' });
    return undefined;
  };

  const undeclaredAt = (place: Place, schema: JsonSchema): JsonSchema => {
    undeclared.push(place.path.join('.'));
    return schema;
  };

  const reference = (name: string, schema: JsonSchema): JsonSchema => {
    components.set(name, schema);
    return { $ref: `#/components/schemas/${name}` };
  };

  /** Adds a named type to the components. Each name must stand for one type in one form. */
  const named = (name: string, type: Type, place: Place): JsonSchema => {
    const known = forms.get(name);
    if (known === undefined) {
      forms.set(name, { id: type.id, inWireForm: place.inWireForm });
      const description = textOf(type.getAliasSymbol() ?? type.getSymbol());
      components.set(name, { ...(description && { description }), ...convertObject(type, { ...place, path: [name] }) });
    } else if (known.id !== type.id || known.inWireForm !== place.inWireForm) {
      throw new Error(`${place.path.join('.')}: the name ${name} stands for two types, or has two forms in answers`);
    }
    return { $ref: `#/components/schemas/${name}` };
  };

  const convertObject = (type: Type, place: Place): JsonSchema => {
    if (checker.isArrayType(type) || checker.isTupleType(type)) return convertArray(type as TypeReference, place);
    const [wired] = type.getSymbol()?.name === 'WireForm' ? checker.getTypeArguments(type as TypeReference) : [];
    if (wired !== undefined) return convert(wired, { ...place, inWireForm: true });
    const properties: Record<string, JsonSchema> = {};
    const required: string[] = [];
    const members = checker.getPropertiesOfType(type);
    for (const member of members) {
      const memberType = checker.getTypeOfSymbol(member);
      if (memberType === undefined || isNever(memberType)) continue;
      if (member.name.startsWith('__@wireFormOf')) {
        // The object was made from the wire form of another object.
        const form = convert(memberType, { ...place, inWireForm: true });
        const whole = form.$ref === undefined ? form : components.get(form.$ref.split('/').at(-1) ?? '');
        Object.assign(properties, whole?.properties);
        required.push(...(whole?.required ?? []));
        continue;
      }
      const key = place.inWireForm && CAMEL_CASE.test(member.name) ? wireName(member.name) : member.name;
      const description = place.inWireForm ? inWireNames(textOf(member), members) : textOf(member);
      const schema = convert(memberType, { ...place, path: [...place.path, key] });
      properties[key] = description === '' ? schema : { description, ...schema };
      if (!isOptional(member, memberType)) required.push(key);
    }
    const [index] = checker.getIndexInfosOfType(type);
    if (index !== undefined) {
      const additionalProperties = convert(index.valueType, { ...place, path: [...place.path, '*'] });
      return { type: 'object', additionalProperties };
    }
    return {
      type: 'object',
      ...(Object.keys(properties).length > 0 && { properties }),
      ...(required.length > 0 && { required }),
    };
  };

  const convertArray = (type: TypeReference, place: Place): JsonSchema => {
    const [item] = checker.getTypeArguments(type);
    if (item === undefined || isNever(item)) return { type: 'array', maxItems: 0 };
    return { type: 'array', items: convert(item, { ...place, path: [...place.path, '*'] }) };
  };

  const isNever = ({ flags }: Type): boolean => (flags & TypeFlags.Never) !== 0 || (flags & TypeFlags.Undefined) !== 0;

  const isOptional = (member: TypeSymbol, type: Type): boolean =>
    (member.flags & SymbolFlags.Optional) !== 0 ||
    (type.isUnionType() && type.getTypes().some(({ flags }) => flags & TypeFlags.Undefined));

  const textOf = (symbol: TypeSymbol | undefined): string => plainText(symbol?.getDocumentationComment(checker) ?? '');

  return { schemaOf: (type, path) => convert(type, { path: [path], inWireForm: false }), components, undeclared };
}

/** Returns the name of an interface of this project that has no type parameters. */
function nameOf(type: Type): string | undefined {
  if (!type.isObjectType() || !(type.objectFlags & ObjectFlags.Interface)) return undefined;
  const name = type.getSymbol()?.name;
  return name === undefined || LIBRARY.has(name) ? undefined : name;
}

/** Names of interfaces that are not those of answers. */
const LIBRARY: ReadonlySet<string> = new Set(['Object', 'Array', 'ReadonlyArray', 'WireForm']);

const literal = (value: unknown): JsonSchema => ({
  type: typeof value === 'number' ? 'integer' : typeof value,
  enum: [value],
});

/** Replaces the names of members in a text by the names that they have in answers. */
const inWireNames = (text: string, members: readonly TypeSymbol[]): string =>
  text.replaceAll(/`(\w+)`/g, (whole, name: string) =>
    members.some((member) => member.name === name) ? `\`${wireName(name)}\`` : whole,
  );

/** Returns a doc comment as one paragraph. */
export const plainText = (comment: string): string => comment.replace(/\s+/g, ' ').trim();
