import type { Knex } from 'knex';

/** Duration of `work`, in ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** The tables to which the plugin writes events. For each table, the column whose highest values identify the newest rows. */
const WRITTEN: readonly (readonly [table: string, newer: string])[] = [
  ['roomserver_events', 'event_nid'],
  ['roomserver_event_json', 'event_nid'],
  ['roomserver_state_block', 'state_block_nid'],
  ['roomserver_state_snapshots', 'state_snapshot_nid'],
  ['roomserver_membership', 'event_nid'],
  ['syncapi_output_room_events', 'id'],
  ['syncapi_output_room_events_topology', 'stream_position'],
  ['syncapi_current_room_state', 'added_at'],
  ['syncapi_memberships', 'stream_pos'],
];

async function newest(db: Knex): Promise<Map<string, number>> {
  const entries = WRITTEN.map(async ([table, column]): Promise<[string, number]> => {
    const [row] = await db(table).max({ newest: column });
    return [table, Number(row?.newest ?? 0)];
  });
  return new Map(await Promise.all(entries));
}

/** Measures the time of `work`, and the time that PostgreSQL needs to add the same rows. Both in ms. */
export async function timeWrites(
  db: Knex,
  work: () => Promise<unknown>,
): Promise<{ readonly ours: number; readonly baseline: number }> {
  const before = await newest(db);
  const ours = await timed(work);
  for (const [table, column] of WRITTEN) {
    await db.raw('CREATE TABLE ?? AS SELECT * FROM ?? WHERE ?? > ?', [
      `rows_${table}`,
      table,
      column,
      before.get(table) ?? 0,
    ]);
    await db.raw('CREATE TABLE ?? (LIKE ?? INCLUDING ALL)', [`copy_${table}`, table]);
  }
  const baseline = await timed(() =>
    db.transaction(async (transaction) => {
      for (const [table] of WRITTEN) {
        await transaction.raw('INSERT INTO ?? SELECT * FROM ??', [`copy_${table}`, `rows_${table}`]);
      }
    }),
  );
  for (const [table] of WRITTEN) await db.raw('DROP TABLE ??, ??', [`rows_${table}`, `copy_${table}`]);
  return { ours, baseline };
}
