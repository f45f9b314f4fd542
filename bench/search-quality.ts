/**
 * Measures how many of the relevant texts a search finds (recall), and how many of the found texts are relevant (precision), by
 * language. Each form of a word in `GROUPS` is a query, and also stands in a text of its own. A text is relevant for a query if
 * the two forms belong to one group. PostgreSQL's configurations `english` and `simple` search the same texts with the same
 * queries. A table lists the languages, and the last line has the means of all languages.
 */
import type { Knex } from 'knex';
import { createAnalysis } from '../src/search/analysis/analysis.ts';
import { tsqueryOf, tsvectorOf } from '../src/search/postgres/lexemes.ts';
import { withBenchDatabase } from './bench-database.ts';
import { report, rounded } from './report.ts';
import { GROUPS } from './search-quality-groups.ts';

/** The SQL that tells whether the text `t` matches the query `q`, by engine. */
const ENGINES = {
  ours: 't.ours @@ q.ours',
  english: `to_tsvector('english', t.text) @@ websearch_to_tsquery('english', q.text)`,
  simple: `to_tsvector('simple', t.text) @@ websearch_to_tsquery('simple', q.text)`,
};
type Engine = keyof typeof ENGINES;
const NAMES = Object.keys(ENGINES) as Engine[];

interface Quality {
  readonly recall: number;
  readonly precision: number;
}

const analysis = createAnalysis();

async function measure(
  db: Knex,
  sentence: string,
  forms: string,
): Promise<{ pairs: number } & Record<Engine, Quality>> {
  const words = forms.split('|').flatMap((group, id) => group.split(' ').map((form) => ({ group: id, form })));
  const rows = words.map(({ group, form }) => {
    const text = sentence.replace('…', form);
    const expression = analysis.parse(form);
    return { group, text, vector: tsvectorOf(text, analysis), form, query: expression ? tsqueryOf(expression) : '' };
  });
  const { rows: results } = await db.raw<{ rows: Record<string, number>[] }>(
    `WITH words AS (SELECT * FROM jsonb_to_recordset(CAST(? AS jsonb))
       AS w("group" int, text text, vector text, form text, query text)),
     t AS (SELECT "group", text, CAST(vector AS tsvector) AS ours FROM words),
     q AS (SELECT "group", form AS text, CAST(query AS tsquery) AS ours FROM words)
     SELECT count(*) FILTER (WHERE t."group" = q."group")::int AS relevant,
       ${NAMES.map(
         (name) => `count(*) FILTER (WHERE ${ENGINES[name]})::int AS found_${name},
           count(*) FILTER (WHERE t."group" = q."group" AND ${ENGINES[name]})::int AS right_${name}`,
       ).join(', ')}
     FROM q CROSS JOIN t`,
    [JSON.stringify(rows)],
  );
  const counts = results[0] ?? {};
  const of = (name: string): number => counts[name] ?? Number.NaN;
  const qualityOf = (name: Engine): Quality => ({
    recall: of(`right_${name}`) / of('relevant'),
    precision: of(`right_${name}`) / Math.max(of(`found_${name}`), 1),
  });
  return { pairs: of('relevant'), ours: qualityOf('ours'), english: qualityOf('english'), simple: qualityOf('simple') };
}

await withBenchDatabase(1, async ({ db }) => {
  const all: Awaited<ReturnType<typeof measure>>[] = [];
  const column = (quality: Quality): string =>
    `${quality.recall.toFixed(2)} ${quality.precision.toFixed(2)}`.padStart(11);
  console.log('recall and precision'.padEnd(22), 'pairs', ...NAMES.map((name) => name.padStart(11)));
  for (const [language, { sentence, forms }] of Object.entries(GROUPS)) {
    const measured = await measure(db, sentence, forms);
    all.push(measured);
    console.log(
      language.padEnd(22),
      String(measured.pairs).padStart(5),
      ...NAMES.map((name) => column(measured[name])),
    );
  }
  const mean = (name: Engine, kind: keyof Quality): number =>
    all.reduce((sum, one) => sum + one[name][kind], 0) / all.length;
  report(
    'search-quality',
    (['recall', 'precision'] as const).map((kind) => {
      const [value, baseline] = [mean('ours', kind), mean('english', kind)];
      return {
        name: kind,
        value: rounded(value),
        unit: 'of 1',
        baseline: rounded(baseline),
        ratio: rounded(value / baseline),
      };
    }),
  );
});
