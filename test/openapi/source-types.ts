import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CallExpression, Expression, Node } from 'typescript/unstable/ast';
import {
  isCallExpression,
  isIdentifier,
  isObjectLiteralExpression,
  isPropertyAssignment,
  isShorthandPropertyAssignment,
  isTemplateExpression,
} from 'typescript/unstable/ast/is';
import {
  API,
  type Checker,
  type Program,
  SignatureKind,
  type Type,
  type Symbol as TypeSymbol,
} from 'typescript/unstable/sync';
import type { Route } from '../../src/http/route.ts';
import { plainText } from './type-schemas.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HTTP = `${ROOT}src/http`;
const OPERATIONS_FILE = `${ROOT}src/operations/operations.ts`;

/** The types of a route's answers. */
export interface RouteTypes {
  /** The folder of the route's file, such as `rooms`. */
  readonly subject: string;
  readonly answer: Type;
  /** The answer that is sent when a job is queued. `undefined` if the answer is sent at the end of the job. */
  readonly started: Type | undefined;
}

/** The parts of the doc comment of an operation or of an input field. */
export interface Documentation {
  readonly text: string;
  /** The texts of `@throws` tags. */
  readonly throws: readonly string[];
  /** The text of `@defaultValue`. */
  readonly defaultText: string | undefined;
}

export interface OperationDocumentation extends Documentation {
  readonly fields: Readonly<Record<string, Documentation>>;
}

export interface SourceTypes {
  readonly checker: Checker;
  readonly typesOf: (route: Route) => RouteTypes;
  readonly documentationOf: (operation: string) => OperationDocumentation;
  readonly close: () => void;
}

/** Opens the sources with the TypeScript compiler, to read types and doc comments. The caller must close the result. */
export function openSourceTypes(): SourceTypes {
  const api = new API({ cwd: ROOT });
  const [project] = api.updateSnapshot({ openProjects: [`${ROOT}tsconfig.build.json`] }).getProjects();
  if (project === undefined) throw new Error('the compiler has opened no project');
  const { checker, program } = project;
  const routes = readRoutes(program, checker);
  const operations = operationSymbols(program, checker);
  return {
    checker,
    typesOf: (route) => there(routes.get(keyOf(route)), `the types of ${keyOf(route)}`),
    documentationOf: (name) => documentationOf(checker, there(operations.get(name), name)),
    close: () => api.close(),
  };
}

function there<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`the compiler has not found ${name}`);
  return value;
}

const keyOf = ({ method, path, operation }: Pick<Route, 'method' | 'path' | 'operation'>): string =>
  `${method} ${path} ${operation}`;

/** Finds all calls of `defineRoute()`. */
function readRoutes(program: Program, checker: Checker): Map<string, RouteTypes> {
  const found = new Map<string, RouteTypes>();
  for (const file of readdirSync(HTTP, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('-routes.ts')) continue;
    const [subject = ''] = file.split('/');
    const visit = (node: Node): void => {
      if (isCallExpression(node) && isIdentifier(node.expression) && node.expression.text === 'defineRoute') {
        for (const [key, types] of readRoute(checker, node)) found.set(key, { subject, ...types });
      }
      node.forEachChild(visit);
    };
    visit(there(program.getSourceFile(`${HTTP}/${file}`), file));
  }
  return found;
}

/** Returns the routes that a call makes. It makes several if its method or path can have several values. */
function readRoute(checker: Checker, call: CallExpression): [string, Omit<RouteTypes, 'subject'>][] {
  const type = there(checker.getTypeAtLocation(call), 'the type of a route');
  const returnOf = (name: string): Type | undefined => {
    const member = there(checker.getPropertyOfType(type, name), name);
    const [signature] = checker.getSignaturesOfType(
      there(checker.getNonNullableType(there(checker.getTypeOfSymbol(member), name)), name),
      SignatureKind.Call,
    );
    return signature && checker.getReturnTypeOfSignature(signature);
  };
  const started = returnOf('respondStarted');
  const types = {
    answer: there(returnOf('respond'), 'the answer of a route'),
    started: started?.isObjectType() || started?.isUnionType() ? started : undefined,
  };
  const [operation = ''] = textsOf(checker, call, 'operation');
  return textsOf(checker, call, 'method').flatMap((method) =>
    textsOf(checker, call, 'path').map((path): [string, typeof types] => [`${method} ${path} ${operation}`, types]),
  );
}

/** Returns the texts that a property of the route can have. */
function textsOf(checker: Checker, call: CallExpression, name: string): string[] {
  const [route] = call.arguments;
  if (route === undefined || !isObjectLiteralExpression(route)) throw new Error('a route is no object literal');
  for (const property of route.properties) {
    const isShort = isShorthandPropertyAssignment(property);
    if (!isShort && !isPropertyAssignment(property)) continue;
    if (!isIdentifier(property.name) || property.name.text !== name) continue;
    const texts = isShort
      ? literalsOf(checker.getTypeOfSymbol(there(checker.getShorthandAssignmentValueSymbol(property), name)))
      : textsOfExpression(checker, property.initializer);
    if (texts.length > 0) return texts;
    throw new Error(`the ${name} of a route is no literal; an array of paths needs "as const"`);
  }
  throw new Error(`a route has no ${name}`);
}

/** Returns the texts that an expression can have. The type of a template is only `string`, so the function joins its parts. */
function textsOfExpression(checker: Checker, node: Expression): string[] {
  if (!isTemplateExpression(node)) return literalsOf(checker.getTypeAtLocation(node));
  return node.templateSpans.reduce(
    (starts, { expression, literal }) =>
      starts.flatMap((start) => textsOfExpression(checker, expression).map((text) => start + text + literal.text)),
    [node.head.text],
  );
}

const literalsOf = (type: Type | undefined): string[] =>
  (type?.isUnionType() ? type.getTypes() : [type]).flatMap((part) => (part?.isStringLiteralType() ? [part.value] : []));

/** Returns the operations and their doc comments. */
function operationSymbols(program: Program, checker: Checker): Map<string, TypeSymbol> {
  const file = there(program.getSourceFile(OPERATIONS_FILE), OPERATIONS_FILE);
  const at = file.text.indexOf('OPERATIONS: Operations');
  const type = there(checker.getTypeAtPosition(OPERATIONS_FILE, at), 'OPERATIONS');
  return new Map(checker.getPropertiesOfType(type).map((symbol) => [symbol.name, symbol]));
}

function documentationOf(checker: Checker, operation: TypeSymbol): OperationDocumentation {
  const member = (symbol: TypeSymbol, name: string): TypeSymbol =>
    there(checker.getPropertyOfType(there(checker.getTypeOfSymbol(symbol), name), name), name);
  const shape = there(checker.getTypeOfSymbol(member(member(operation, 'input'), 'shape')), 'shape');
  const fields = checker.getPropertiesOfType(shape).map((field) => [field.name, commentOf(checker, field)] as const);
  return { ...commentOf(checker, operation), fields: Object.fromEntries(fields) };
}

function commentOf(checker: Checker, symbol: TypeSymbol): Documentation {
  const tags = symbol.getJsDocTags(checker);
  const textsOfTag = (tag: string): string[] =>
    tags.filter(({ name }) => name === tag).map(({ text = '' }) => plainText(text));
  return {
    text: plainText(symbol.getDocumentationComment(checker)),
    throws: textsOfTag('throws'),
    defaultText: textsOfTag('defaultValue')[0],
  };
}
