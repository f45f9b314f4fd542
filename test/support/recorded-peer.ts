import { createPublicKey } from 'node:crypto';
import type { Knex } from 'knex';
import type { FederationSender, RemoteState, ServerKey } from '../../src/host.ts';
import { isServerName, type ServerName } from '../../src/ids.ts';
import { privateKeyOf, publicKeyOf } from '../../src/matrix/sign-event.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { fixtureRemoteKeys } from '../matrix/fixture-events.ts';

function serverName(name: string): ServerName {
  if (!isServerName(name)) throw new Error(`${name} is not a server name`);
  return name;
}

/** The keys of the two servers at the time of the recording. */
const KEYS: readonly ServerKey[] = [
  {
    serverName: serverName(server.server_name),
    keyId: server.signing_key.key_id,
    publicKey: createPublicKey(privateKeyOf(Buffer.from(server.signing_key.seed_base64, 'base64'))),
    validUntilTs: Number.MAX_SAFE_INTEGER,
  },
  ...[...fixtureRemoteKeys()].map(([name, { keyId, publicKey }]): ServerKey => {
    const key = publicKeyOf(publicKey);
    if (key === undefined) throw new Error('no key');
    return { serverName: serverName(name), keyId, publicKey: key, validUntilTs: Number.MAX_SAFE_INTEGER };
  }),
];

/** Returns the keys of the recorded servers. */
export const verifyRecordedKeys: NonNullable<FederationSender['verifyKeys']> = async ({ destination, keyIds }) =>
  KEYS.filter((key) => key.serverName === destination && keyIds.includes(key.keyId));

/** Reads the state that the other server had of a recorded room. */
export async function readRecordedState(db: Knex, roomId: string): Promise<RemoteState> {
  const rows = await db('roomserver_events AS e')
    .join('roomserver_event_json AS j', 'j.event_nid', 'e.event_nid')
    .join('roomserver_rooms AS r', 'r.room_nid', 'e.room_nid')
    .where('r.room_id', roomId)
    .select('e.event_id', 'j.event_json');
  const current = new Set(await db('syncapi_current_room_state').where('room_id', roomId).pluck('event_id'));
  const eventsOf = (wanted: boolean) =>
    rows.filter(({ event_id: id }) => current.has(id) === wanted).map(({ event_json: json }) => JSON.parse(json));
  return { state: eventsOf(true), authChain: eventsOf(false) };
}
