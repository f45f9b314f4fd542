import { badRequest, type ProblemError } from './problem.ts';

export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=';

/** A parsed filter, as a tree. */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }
  | { readonly kind: 'compare'; readonly attribute: string; readonly operator: Operator; readonly value: string }
  | { readonly kind: 'between'; readonly attribute: string; readonly from: string; readonly to: string }
  | { readonly kind: 'in'; readonly attribute: string; readonly values: readonly string[] }
  | { readonly kind: 'starts'; readonly attribute: string; readonly prefix: string }
  | { readonly kind: 'exists' | 'null' | 'empty'; readonly attribute: string };

type Token = { readonly kind: 'word' | 'quoted' | 'symbol'; readonly text: string };

/** Maximum depth of nested brackets. A filter with deeper nesting is refused. */
const MAX_DEPTH = 59;
const KEYWORDS: ReadonlySet<string> = new Set(['AND', 'OR', 'NOT', 'IN', 'TO', 'EXISTS', 'IS', 'NULL', 'EMPTY']);
const OPERATORS: readonly string[] = ['=', '!=', '>', '>=', '<', '<='];
const TOKEN = /\s*(?:([A-Za-z0-9_.-]+)|(["'])((?:\\.|(?!\2)[^\\])*)\2|(>=|<=|!=|[()[\],=<>]))/suy;

/**
 * Parses one filter.
 * @returns `undefined` if the text is blank
 * @throws ProblemError with the error code `code`
 */
export function parseFilter(text: string, code: string): Filter | undefined {
  const tokens = tokensOf(text, code);
  if (tokens.length === 0) return undefined;
  const parser = createParser(tokens, code);
  const filter = parser.or(0);
  const rest = parser.peek();
  if (rest !== undefined) {
    const found = `Found unexpected characters at the end of the filter: \`${rest.text}\`.`;
    throw badRequest(code, `${found} You probably forgot an \`OR\` or an \`AND\` rule.`);
  }
  return filter;
}

function tokensOf(text: string, code: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let at = 0;
  while (text.slice(at).trim() !== '') {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw badRequest(code, `Was expecting a value but instead got nothing.\n${at + 1} ${text}`);
    at = TOKEN.lastIndex;
    const [, word, , quoted, symbol] = match;
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted.replace(/\\(.)/gsu, '$1') });
    else tokens.push({ kind: 'symbol', text: symbol ?? '' });
  }
  return tokens;
}

interface Parser {
  readonly or: (depth: number) => Filter;
  readonly peek: () => Token | undefined;
}

function createParser(tokens: readonly Token[], code: string): Parser {
  let at = 0;
  const peek = (): Token | undefined => tokens[at];
  const isWord = (text: string): boolean => peek()?.kind === 'word' && peek()?.text === text;
  const isSymbol = (text: string): boolean => peek()?.kind === 'symbol' && peek()?.text === text;
  const take = (isNext: boolean): boolean => {
    if (isNext) at += 1;
    return isNext;
  };
  const fail = (message: string): ProblemError => badRequest(code, message);

  const value = (): string => {
    const token = peek();
    if (token === undefined || token.kind === 'symbol') throw fail('Was expecting a value but instead got nothing.');
    if (token.kind === 'word' && KEYWORDS.has(token.text)) {
      const remedy = `To use \`${token.text}\` as a field name or a value, surround it by quotes.`;
      throw fail(`Was expecting a value but instead got \`${token.text}\`, which is a reserved keyword. ${remedy}`);
    }
    at += 1;
    return token.text;
  };

  const list = (): string[] => {
    if (!take(isSymbol('['))) throw fail('Expected only comma-separated field names inside `IN[..]`.');
    const values: string[] = [];
    while (!isSymbol(']')) {
      values.push(value());
      if (!take(isSymbol(','))) break;
    }
    if (!take(isSymbol(']'))) throw fail('Expression is missing the following closing delimiter: `]`.');
    return values;
  };

  const condition = (): Filter => {
    const attribute = value();
    const operator = OPERATORS.find((text) => isSymbol(text));
    if (operator !== undefined) {
      at += 1;
      return { kind: 'compare', attribute, operator: operator as Operator, value: value() };
    }
    if (take(isWord('EXISTS'))) return { kind: 'exists', attribute };
    if (take(isWord('IN'))) return { kind: 'in', attribute, values: list() };
    if (isWord('CONTAINS')) {
      throw badRequest(
        'feature_not_enabled',
        'Using `CONTAINS` in a filter requires enabling the `contains filter` experimental feature.',
      );
    }
    if (take(isWord('STARTS')) && take(isWord('WITH'))) return { kind: 'starts', attribute, prefix: value() };
    if (take(isWord('IS'))) {
      const negated = take(isWord('NOT'));
      const kind = take(isWord('NULL')) ? ('null' as const) : take(isWord('EMPTY')) ? ('empty' as const) : undefined;
      if (kind === undefined) throw fail('Was expecting an operation `IS NULL` or `IS EMPTY`.');
      return negated ? { kind: 'not', part: { kind, attribute } } : { kind, attribute };
    }
    if (take(isWord('NOT'))) {
      if (take(isWord('EXISTS'))) return { kind: 'not', part: { kind: 'exists', attribute } };
      if (take(isWord('IN'))) return { kind: 'not', part: { kind: 'in', attribute, values: list() } };
    }
    if (peek()?.kind === 'word' && tokens[at + 1]?.text === 'TO') {
      const from = value();
      at += 1;
      return { kind: 'between', attribute, from, to: value() };
    }
    throw fail(`Was expecting an operation at \`${attribute}\`.`);
  };

  const unary = (depth: number): Filter => {
    if (take(isWord('NOT'))) return { kind: 'not', part: unary(depth) };
    if (!take(isSymbol('('))) return condition();
    if (depth >= MAX_DEPTH) {
      const remedy = 'Try rewriting the filter so that it contains fewer nested conditions.';
      throw fail(`The filter exceeded the maximum depth limit. ${remedy}`);
    }
    const inner = or(depth + 1);
    if (!take(isSymbol(')'))) throw fail('Expression is missing the following closing delimiter: `)`.');
    return inner;
  };

  const chain = (kind: 'and' | 'or', word: string, part: () => Filter): Filter => {
    const parts = [part()];
    while (take(isWord(word))) parts.push(part());
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind, parts };
  };
  const or = (depth: number): Filter => chain('or', 'OR', () => chain('and', 'AND', () => unary(depth)));

  return { or, peek };
}
