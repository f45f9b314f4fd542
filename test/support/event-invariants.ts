import { createPublicKey } from 'node:crypto';
import type { Knex } from 'knex';
import { splitUserId } from '../../src/ids.ts';
import { contentHash } from '../../src/matrix/event-hash.ts';
import { eventIdOf } from '../../src/matrix/event-id.ts';
import { type EventJson, isRoomVersion, roomVersionOf } from '../../src/matrix/room-version.ts';
import { hasValidEventSignature, privateKeyOf } from '../../src/matrix/sign-event.ts';
import type { VerifyKey } from '../../src/matrix/sign-json.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createSigningKey, SERVER_NAME } from './dendrite-server.ts';

interface Row {
  readonly room_version: string;
  readonly event_id: string;
  readonly event_nid: string;
  readonly event_type_nid: string;
  readonly event_state_key_nid: string;
  readonly state_snapshot_nid: string;
  readonly depth: string;
  readonly event_json: string;
}

/** Keys that sign events of the recorded server: the server's own key, and the key of the tests. */
const KEYS: readonly VerifyKey[] = [
  createSigningKey(),
  {
    serverName: SERVER_NAME,
    keyId: server.signing_key.key_id,
    privateKey: privateKeyOf(Buffer.from(server.signing_key.seed_base64, 'base64')),
  },
].map(({ serverName, keyId, privateKey }) => ({ serverName, keyId, publicKey: createPublicKey(privateKey) }));

const ACCEPTED = `SELECT r.room_version, e.event_id, e.event_nid, e.event_type_nid, e.event_state_key_nid,
    e.state_snapshot_nid, e.depth, j.event_json
  FROM roomserver_events e JOIN roomserver_rooms r ON r.room_nid = e.room_nid
  JOIN roomserver_event_json j ON j.event_nid = e.event_nid
  WHERE e.sent_to_output AND NOT e.is_rejected ORDER BY e.event_nid`;

/** Finds what is wrong in single events and in their places in their rooms. */
export async function brokenEvents(db: Knex): Promise<string[]> {
  const { rows } = await db.raw<{ rows: Row[] }>(ACCEPTED);
  const byId = new Map(rows.map((row) => [row.event_id, row]));
  const noted = new Set(
    (await db('roomserver_previous_events').select()).flatMap((row) =>
      row.event_nids.map((nid: string) => `${row.previous_event_id} ${nid}`),
    ),
  );
  return rows.flatMap((row) => {
    const prevEvents = prevEventsOf(row);
    const isNoted = prevEvents.every((id) => noted.has(`${id} ${row.event_nid}`));
    const previous = previousOf(row, byId);
    const depth = Math.max(0, ...previous.map((event) => Number(event.depth))) + 1;
    // In rooms of other servers, some previous events are missing, so the depth cannot be checked.
    const isDeep = previous.length < prevEvents.length || Number(row.depth) === depth;
    return [
      ...wrongWith(row),
      ...(isNoted ? [] : ['prev_events that are not noted']),
      ...(isDeep ? [] : ['a wrong depth']),
    ].map((wrong) => `${wrong}: ${row.event_id}`);
  });
}

/**
 * Finds events whose prior state is not the state after their previous event. It cannot check rooms whose state was downloaded
 * from another server.
 */
export async function brokenStates(db: Knex): Promise<string[]> {
  const { rows } = await db.raw<{ rows: Row[] }>(ACCEPTED);
  const byId = new Map(rows.map((row) => [row.event_id, row]));
  const stateBefore = await readStates(db);
  const sorted = (state: Map<string, string>): string => [...state].map(String).toSorted().join(' ');
  return rows.flatMap((row) => {
    const [previous, ...others] = previousOf(row, byId);
    if (previous === undefined || others.length > 0 || prevEventsOf(row).length > 1) return [];
    const after = stateBefore(previous);
    if (previous.event_state_key_nid !== '0') after.set(keyOf(previous), previous.event_nid);
    return sorted(after) === sorted(stateBefore(row)) ? [] : [`not the state before: ${row.event_id}`];
  });
}

function prevEventsOf({ event_json: json }: Row): string[] {
  const { prev_events: references }: EventJson = JSON.parse(json);
  return Array.isArray(references) ? references.map((one) => (Array.isArray(one) ? one[0] : one)) : [];
}

const previousOf = (row: Row, byId: ReadonlyMap<string, Row>): Row[] =>
  prevEventsOf(row).flatMap((id) => byId.get(id) ?? []);

function wrongWith({ room_version: id, event_id: eventId, event_json: json }: Row): string[] {
  if (!isRoomVersion(id)) return [];
  const version = roomVersionOf(id);
  const event: EventJson = JSON.parse(json);
  const { serverName } = splitUserId(String(event['sender']));
  const keys = KEYS.filter((key) => key.serverName === serverName);
  const isRedacted = json.includes('"redacted_because"');
  const { sha256 } = event['hashes'] as { sha256?: unknown };
  return [
    ...(eventIdOf(event, version) === eventId ? [] : ['an event with another id']),
    ...(isRedacted || sha256 === contentHash(event) ? [] : ['a wrong content hash']),
    ...(keys.length === 0 || keys.some((key) => hasValidEventSignature(event, version, key))
      ? []
      : ['no valid signature']),
  ];
}

const keyOf = (row: Pick<Row, 'event_type_nid' | 'event_state_key_nid'>): string =>
  `${row.event_type_nid} ${row.event_state_key_nid}`;

async function readStates(db: Knex): Promise<(row: Row) => Map<string, string>> {
  const events: Row[] = await db('roomserver_events').select('event_nid', 'event_type_nid', 'event_state_key_nid');
  const keys = new Map(events.map((row) => [row.event_nid, keyOf(row)]));
  const blocks = new Map<string, string[]>(
    (await db('roomserver_state_block').select()).map((row) => [row.state_block_nid, row.event_nids]),
  );
  const snapshots = new Map<string, string[]>(
    (await db('roomserver_state_snapshots').select()).map((row) => [row.state_snapshot_nid, row.state_block_nids]),
  );
  return ({ state_snapshot_nid: nid }) =>
    new Map(
      (snapshots.get(nid) ?? [])
        .flatMap((block) => blocks.get(block) ?? [])
        .map((eventNid) => [keys.get(eventNid) ?? `no event ${eventNid}`, eventNid]),
    );
}
