import { randomBytes } from 'node:crypto';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf, comparableChanges, eventIdsOf, recording } from '../../support/recordings.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const evacuate = (roomId: string, body: object = {}): Promise<Answer> =>
  plugin.asAdmin(`/_dendrite/admin/evacuateRoom/${encodeURIComponent(roomId)}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });

/**
 * Tables that cannot be compared. Dendrite's leave events are siblings, and this plugin's leave events follow each other.
 * `brokenInvariants()` checks the plugin's rows.
 */
const STATE_TABLES = ['roomserver_state_block', 'roomserver_state_snapshots'];

describe('evacuateRoom', () => {
  it('starts from a consistent database', async () => {
    expect(await brokenInvariants(db)).toEqual([]);
  });

  it('answers for a stub and for missing rooms as Dendrite does', async () => {
    const { status, body } = recording('evacuateRoom-stub');
    for (const roomId of [server.rooms.remoteInvite, '!nowhere:localhost:18448', 'no room id at all']) {
      const answer = await evacuate(roomId);
      expect([answer.status, jsonOf(answer)]).toEqual([status, body]);
    }
  });

  it('of a name that is too long for any room is refused', async () => {
    const answer = await evacuate(randomBytes(5_000).toString('base64url'));
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
  });

  it('has no effect as a dry run', async () => {
    const changes = await changesOf(db, async () => {
      const answer = await evacuate(server.rooms.v10, { dry_run: true });
      const { affected } = recording('evacuateRoom-public-v10-with-remote').body as { affected: string[] };
      expect(jsonOf(answer)).toEqual({ affected, dry_run: true });
    });
    expect(changes).toEqual({});
  });

  it.each([
    ['v10', 'evacuateRoom-public-v10-with-remote'],
    ['v12', 'evacuateRoom-v12'],
  ] as const)('of the %s room makes the same changes as Dendrite', async (room, name) => {
    const recorded = recording(name);
    const known = await eventIdsOf(db);
    const changes = await changesOf(db, async () => {
      const answer = await evacuate(server.rooms[room]);
      expect([answer.status, jsonOf(answer)]).toEqual([recorded.status, recorded.body]);
    });
    const ours = comparableChanges(changes, known, [
      ...STATE_TABLES,
      'roomserver_previous_events',
      'federationsender_queue_json',
      'federationsender_queue_pdus',
    ]);
    const theirs = comparableChanges(recorded.tables, known, [...STATE_TABLES, 'roomserver_previous_events']);
    expect(ours).toEqual(theirs);
    expect(await brokenInvariants(db)).toEqual([]);
  });
});
