import { expect, it } from 'vitest';
import { createRequestIds } from '../../src/pipeline/request-ids.ts';

it('request ids are short, fit into URLs and logs, and never repeat', () => {
  const [one, other] = [createRequestIds(), createRequestIds()];
  const ids = Array.from({ length: 2_000 }, (_, n) => (n % 2 === 0 ? one() : other()));
  expect(ids.filter((id) => !/^[\w-]{12}$/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});
