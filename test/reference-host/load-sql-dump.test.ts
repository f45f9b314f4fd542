import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSqlDump } from '../../src/reference-host/load-sql-dump.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let empty: TestDatabase;
beforeAll(async () => {
  empty = await createTestDatabase();
});
afterAll(() => empty.drop());

describe('loadSqlDump', () => {
  const insert = (id: string): string =>
    `SET search_path = ''; INSERT INTO public.syncapi_ignores VALUES ('${id}', '{"\\?":"?"}');`;

  test('keeps question marks and backslashes, and resets the settings of the dump', async () => {
    await loadSqlDump(empty.db, insert('@ok:b'));
    expect(await empty.db('syncapi_ignores').select()).toEqual([{ user_id: '@ok:b', ignores_json: '{"\\?":"?"}' }]);
  });

  test('loads nothing when a statement fails', async () => {
    await expect(loadSqlDump(empty.db, `${insert('@bad:b')} SELECT 1/0;`)).rejects.toThrow('division by zero');
    expect(await empty.db('syncapi_ignores').where({ user_id: '@bad:b' })).toEqual([]);
  });
});
