import { expect, it, onTestFinished } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { mountPlugin } from '../support/mounted-plugin.ts';

it('a dry run holds no transaction while another server is asked', async () => {
  const database = await createTestDatabase({ fixture: true });
  onTestFinished(() => database.drop());
  const held: number[] = [];
  const queryDevices = async (): Promise<{ streamId: number; devices: [] }> => {
    // Not the connections in use: the worker of jobs looks for work meanwhile.
    const { rows } = await database.db.raw(
      `SELECT count(*)::int AS held FROM pg_stat_activity
       WHERE datname = current_database() AND state = 'idle in transaction'`,
    );
    held.push(rows[0].held);
    return { streamId: 1, devices: [] };
  };
  const plugin = await mountPlugin({ database, host: { federation: { wake: () => {}, queryDevices } } });
  onTestFinished(() => plugin.close());
  const path = '/_dendrite/admin/refreshDevices/@zoe:other.example';
  expect((await plugin.asAdmin(path, { method: 'POST', body: '{"dry_run":true}' })).status).toBe(200);
  expect(held).toEqual([0]);
});
