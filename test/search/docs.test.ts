import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createAnalysis } from '../../src/search/analysis/analysis.ts';

const text = readFileSync(new URL('../../docs/search.md', import.meta.url), 'utf8');
const rows = [...text.matchAll(/^\| `(.+)` \| (.+) \| (.+) \|$/gm)].map(([, query = '', found = '', other = '']) => ({
  query,
  found,
  other,
}));

describe('docs/search.md', () => {
  const analysis = createAnalysis();
  const finds = (query: string, message: string): boolean => {
    const expression = analysis.parse(query);
    return expression !== undefined && analysis.matches(message, expression);
  };

  it('has examples', () => {
    expect(rows.length).toBeGreaterThan(35);
  });

  it.each(rows)('$query finds "$found" and not "$other"', ({ query, found, other }) => {
    expect({ found: finds(query, found), other: finds(query, other) }).toEqual({ found: true, other: false });
  });
});
