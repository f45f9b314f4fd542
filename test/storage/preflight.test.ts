import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { REQUIRED_COLUMNS } from '../../src/storage/preflight.ts';

const STORAGE = 'src/storage';
const TABLE = /\b(?:public\.|')((?:federationsender|keyserver|roomserver|syncapi|userapi)_[a-z_]+)\b/g;
/** Sequences are named like tables. */
const SEQUENCE = /_seq$|^syncapi_stream_id$/;

it('start() looks for every table of Dendrite that the storage names', () => {
  const named = readdirSync(STORAGE, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'preflight.ts')
    .flatMap((file) => [...readFileSync(join(STORAGE, file), 'utf8').matchAll(TABLE)])
    .map(([, table = '']) => table)
    .filter((table) => !SEQUENCE.test(table));
  expect(named.length).toBeGreaterThan(50);
  expect([...new Set(named)].filter((table) => !(table in REQUIRED_COLUMNS)).sort()).toEqual([]);
});
