import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { Knex } from 'knex';
import type { FederationSender, RemoteState, SigningKey } from '../src/host.ts';
import type { EventId, RoomId, ServerName, UserId } from '../src/ids.ts';
import { authEventKeys } from '../src/matrix/auth-events.ts';
import { buildEvent, type ReferredEvent } from '../src/matrix/build-event.ts';
import { type EventJson, roomVersionOf } from '../src/matrix/room-version.ts';

const REMOTE_KEY: SigningKey = {
  serverName: 'remote.example' as ServerName,
  keyId: 'ed25519:remote',
  privateKey: generateKeyPairSync('ed25519').privateKey,
};

/** Makes the state that another server has of a room of version 10 after `count` of its users have joined. */
export async function stateWithRemoteJoins(db: Knex, roomId: RoomId, count: number): Promise<RemoteState> {
  const rows: { event_id: EventId; event_json: string }[] = await db('syncapi_current_room_state AS s')
    .join('roomserver_events AS e', 'e.event_id', 's.event_id')
    .join('roomserver_event_json AS j', 'j.event_nid', 'e.event_nid')
    .where('s.room_id', roomId)
    .orderBy('e.event_nid')
    .select('e.event_id', 'j.event_json');
  const known = rows.map((row) => ({ eventId: row.event_id, event: JSON.parse(row.event_json) as EventJson }));
  const newest = known.at(-1);
  if (newest === undefined) throw new Error('the room has no state');
  const version = roomVersionOf('10');
  const find = (type: string, stateKey: string): ReferredEvent[] =>
    known.filter(({ event }) => event.type === type && event.state_key === stateKey);
  const joins = Array.from({ length: count }, (_, n) => {
    const userId = `@remote${n}:${REMOTE_KEY.serverName}` as UserId;
    const content = { membership: 'join', displayname: `Remote user ${n}` };
    const draft = { type: 'm.room.member', sender: userId, stateKey: userId, content };
    const authEvents = authEventKeys(draft, version).flatMap((key) => find(...key));
    const place = { roomId, originServerTs: 1_700_000_000_000 + n, depth: 100, authEvents, prevEvents: [newest] };
    return buildEvent({ ...draft, ...place }, version, REMOTE_KEY).event;
  });
  return { state: [...known.map(({ event }) => event), ...joins], authChain: [] };
}

/** Makes a federation sender that returns one state, and the keys of both servers. */
export function federationOf(remote: () => RemoteState, localKey: SigningKey): FederationSender {
  const keys = [REMOTE_KEY, localKey].map(({ privateKey, ...key }) => ({
    ...key,
    publicKey: createPublicKey(privateKey),
    validUntilTs: Number.MAX_SAFE_INTEGER,
  }));
  return {
    wake: () => {},
    lookupState: async () => remote(),
    verifyKeys: async ({ destination }) => keys.filter(({ serverName }) => serverName === destination),
  };
}
