import type { SearchExpression, SearchLexeme } from './expression.ts';
import { fold, foldMarks, isAscii } from './fold.ts';
import { joinedOf } from './lexemes.ts';
import type { Lexicon } from './lexicon.ts';
import { indexOf, isIn, startsOf, type TextIndex } from './match-text.ts';
import { charactersIn, type Token, tokensOf, visitRun } from './tokens.ts';

/** The parts of a text that match a query. */
interface Found {
  /** The positions at which lexemes match, each with the number of positions that the longest of these lexemes takes. */
  readonly positions: Map<number, number>;
  readonly lexemes: Set<string>;
}

/** The result of `fold()` for a text, and the way back to the original text. */
interface FoldedText {
  readonly folded: string;
  /** Returns the part of the original text from which the code units from `start` to before `end` were made. */
  readonly spelling: (start: number, end: number) => string;
}

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * Returns the words of a text that match an expression, spelled as in the text and in the order of the text. The response of
 * `/_matrix/client/v3/search` contains these words as `highlights`. Clients mark each highlight wherever it occurs in the
 * message. So if a query finds all parts of `don't`, the highlight is `don't`, because a highlight `t` would mark every `t`.
 */
export function highlightsIn(text: string, expression: SearchExpression, lexicon: Lexicon): string[] {
  const found: Found = { positions: new Map(), lexemes: new Set() };
  collect(indexOf(text, lexicon), expression, found);
  if (found.positions.size === 0) return [];
  const { folded, spelling } = foldTraceably(text);
  const highlights = new Set<string>();
  const tokens = tokensOf(folded);
  for (let index = 0; index < tokens.length; index += 1) {
    const first = index;
    while (tokens[index + 1]?.joint !== undefined) index += 1;
    const chain = tokens.slice(first, index + 1);
    for (const { start, end } of matchedIn(chain, folded, found)) highlights.add(spelling(start, end));
  }
  return [...highlights];
}

function collect(index: TextIndex, expression: SearchExpression, found: Found): void {
  if (expression.kind === 'not' || !isIn(index, expression)) return;
  const add = (lexeme: SearchLexeme, position: number): void => {
    found.lexemes.add(lexeme.lexeme);
    found.positions.set(position, Math.max(found.positions.get(position) ?? 0, charactersIn(lexeme.lexeme)));
  };
  if (expression.kind === 'lexeme') {
    for (const position of index.positionsOf(expression)) add(expression, position);
  } else if (expression.kind === 'phrase') {
    for (const start of startsOf(index, expression)) {
      for (const { offset, any } of expression.parts) {
        for (const lexeme of any) if (index.positionsOf(lexeme).has(start + offset)) add(lexeme, start + offset);
      }
    }
  } else {
    for (const one of expression.of) collect(index, one, found);
  }
}

type Range = Pick<Token, 'start' | 'end'>;

/**
 * Returns the matching parts of a chain, which is a list of tokens that apostrophes or hyphens join. Returns the whole chain as
 * one part if all its tokens match, or if the query contains the tokens as one word, such as `dont` for `don't`. Otherwise,
 * returns each matching token. A chain that is a run goes to `matchedInRun()`.
 */
function matchedIn(chain: readonly Token[], folded: string, { positions, lexemes }: Found): Range[] {
  const [first] = chain;
  const last = chain.at(-1);
  if (first === undefined || last === undefined) return [];
  if (first.kind === 'run') return chain.flatMap((token) => matchedInRun(token, folded, positions));
  const matched = chain.filter(({ position }) => positions.has(position));
  const isWhole = matched.length === chain.length || lexemes.has(joinedOf(chain) ?? '');
  return isWhole ? [{ start: first.start, end: last.end }] : matched;
}

/**
 * Returns the matching parts of a run, which is a token of a script that is written without spaces. Parts that touch or overlap
 * become one.
 */
function matchedInRun(token: Token, folded: string, positions: ReadonlyMap<number, number>): Range[] {
  const words = new Map<number, number>();
  visitRun(
    token,
    () => {},
    (word, position) => words.set(position, Array.from(word).length),
  );
  const ranges: { start: number; end: number }[] = [];
  let position = token.position;
  let matchedUpTo = 0;
  let index = token.start;
  for (const character of folded.slice(token.start, token.end)) {
    const end = index + character.length;
    for (const _ of foldMarks(character)) {
      const length = positions.get(position);
      if (length !== undefined)
        matchedUpTo = Math.max(matchedUpTo, position + Math.max(length, words.get(position) ?? 0));
      if (position < matchedUpTo) {
        const previous = ranges.at(-1);
        if (previous !== undefined && previous.end >= index) previous.end = end;
        else ranges.push({ start: index, end });
      }
      position += 1;
    }
    index = end;
  }
  return ranges;
}

/** Folds a text, and keeps for each code unit of the result where it comes from. */
function foldTraceably(text: string): FoldedText {
  if (isAscii(text)) return { folded: fold(text), spelling: (start, end) => text.slice(start, end) };
  let folded = '';
  const starts: number[] = [];
  const ends: number[] = [];
  for (const { segment, index } of GRAPHEMES.segment(text)) {
    const piece = fold(segment);
    folded += piece;
    for (let unit = 0; unit < piece.length; unit += 1) {
      starts.push(index);
      ends.push(index + segment.length);
    }
  }
  return { folded, spelling: (start, end) => text.slice(starts[start], ends[end - 1]) };
}
