import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DestinationRetry } from '../../../src/host.ts';
import type { ServerName } from '../../../src/ids.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const DESTINATIONS = '/_synapse/admin/v1/federation/destinations';
/** The other server of the recorded data. Alice and others are in a room with its users. */
const REMOTE = server.remote_server_name as ServerName;
const BUSY = 'busy.example' as ServerName;
const LISTED = 'Listed.example' as ServerName;

const woken: unknown[] = [];
const retriedNow: ServerName[] = [];
let retries: DestinationRetry[] = [];
let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({
    host: {
      federation: {
        wake: (destinations) => void woken.push(...destinations),
        listRetries: () => retries,
        retryNow: (destination) => void retriedNow.push(destination),
      },
    },
  });
  ({ db } = plugin.database);
  for (const table of ['queue_pdus', 'queue_edus', 'queue_json']) await db(`federationsender_${table}`).del();
});
afterAll(() => plugin.close());

beforeEach(async () => {
  retries = [];
  woken.length = 0;
  retriedNow.length = 0;
  for (const table of ['queue_pdus', 'queue_edus', 'queue_json', 'blacklist', 'assumed_offline']) {
    await db(`federationsender_${table}`).del();
  }
  for (const json of [
    '{"origin_server_ts":1234,"content":{"body":"\\u0000"}}',
    '{"origin_server_ts":9999}',
    'no JSON',
  ]) {
    const [{ json_nid }] = await db('federationsender_queue_json').insert({ json_body: json }).returning('json_nid');
    if (json !== 'no JSON') {
      await db('federationsender_queue_pdus').insert({ transaction_id: '', server_name: BUSY, json_nid });
    } else {
      await db('federationsender_queue_edus').insert({ edu_type: 'm.typing', server_name: BUSY, json_nid });
    }
  }
  await db('federationsender_blacklist').insert({ server_name: LISTED });
  await db('federationsender_assumed_offline').insert({ server_name: LISTED });
});

const call = (path = '', method = 'GET'): Promise<Answer> => plugin.asAdmin(DESTINATIONS + path, { method });
const NOTHING = {
  retry_last_ts: 0,
  retry_interval: 0,
  failure_ts: null,
  last_successful_stream_ordering: null,
  queued_pdus: 0,
  queued_edus: 0,
  oldest_queued_ts: null,
  blacklisted: false,
  assumed_offline: false,
  next_retry_ts: null,
};

interface List {
  readonly destinations: { readonly destination: string }[];
  readonly total: number;
  readonly next_token?: string;
}
async function list(query = ''): Promise<List> {
  const answer = await call(query);
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text);
}
const namesOf = ({ destinations }: List): string[] => destinations.map(({ destination }) => destination);

describe('the list of destinations', () => {
  it('has servers in rooms, in queues and on lists, but not this homeserver', async () => {
    const { destinations, total, next_token: next } = await list();
    expect([total, next]).toEqual([3, undefined]);
    expect(destinations).toEqual([
      { ...NOTHING, destination: LISTED, blacklisted: true, assumed_offline: true },
      { ...NOTHING, destination: BUSY, queued_pdus: 2, queued_edus: 1, oldest_queued_ts: 1234 },
      { ...NOTHING, destination: REMOTE },
    ]);
    expect(await db('federationsender_joined_hosts').where('server_name', SERVER_NAME)).not.toEqual([]);
  });

  it('has the time of the next attempt, if the host provides it', async () => {
    retries = [{ destination: BUSY, failingSince: 1_000, lastTry: 2_000, nextTry: 6_000 }];
    const shown = { retry_last_ts: 2_000, retry_interval: 4_000, failure_ts: 1_000, next_retry_ts: 6_000 };
    expect(jsonOf(await call(`/${BUSY}`))).toMatchObject(shown);
    expect(jsonOf(await call(`/${REMOTE}`))).toEqual({ ...NOTHING, destination: REMOTE });
  });

  it('is ordered and paged', async () => {
    retries = [
      { destination: BUSY, failingSince: 3_000, lastTry: 4_000, nextTry: 5_000 },
      { destination: REMOTE, failingSince: 1_000, lastTry: 5_000, nextTry: 9_000 },
    ];
    const last = async (query: string): Promise<string | undefined> => namesOf(await list(query)).at(-1);
    expect(namesOf(await list('?dir=b'))).toEqual([REMOTE, BUSY, LISTED]);
    expect(await last('?order_by=retry_last_ts')).toBe(REMOTE);
    expect(await last('?order_by=retry_interval')).toBe(REMOTE);
    expect(await last('?order_by=failure_ts')).toBe(BUSY);
    expect(namesOf(await list('?order_by=queued_pdus&dir=b'))[0]).toBe(BUSY);
    expect(namesOf(await list('?order_by=queued_edus&dir=b'))[0]).toBe(BUSY);
    expect((await list('?order_by=last_successful_stream_ordering&dir=b')).total).toBe(3);
    const first = await list('?limit=2');
    expect([namesOf(first), first.total, first.next_token]).toEqual([[LISTED, BUSY], 3, '2']);
    const second = await list(`?limit=2&from=${first.next_token}`);
    expect([namesOf(second), second.total, second.next_token]).toEqual([[REMOTE], 3, undefined]);
    expect(await list('?from=100')).toEqual({ destinations: [], total: 3 });
  });

  it('is filtered by a part of a name in any case, as in Synapse', async () => {
    expect(namesOf(await list('?destination=LISTED'))).toEqual([LISTED]);
    expect(namesOf(await list('?destination=.example'))).toEqual([LISTED, BUSY]);
    expect(await list('?destination=nowhere')).toEqual({ destinations: [], total: 0 });
    expect(await list('?destination=%25')).toEqual({ destinations: [], total: 0 });
    expect((await list('?destination=')).total).toBe(3);
  });

  it.each(['order_by=x', 'limit=-1', 'limit=1001', 'from=-1', 'dir=x', 'destination=%00'])(
    'refuses %s',
    async (query) => {
      const answer = await call(`?${query}`);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
    },
  );
});

describe('the rooms of a destination', () => {
  it('are those with joined users of it', async () => {
    const hosts = db('federationsender_joined_hosts').where('server_name', REMOTE);
    const rooms: string[] = await hosts.distinct().orderBy('room_id').pluck('room_id');
    expect(rooms).not.toEqual([]);
    const shown = rooms.map((roomId) => ({ room_id: roomId, stream_ordering: null }));
    expect(jsonOf(await call(`/${REMOTE}/rooms`))).toEqual({ rooms: shown, total: rooms.length });
    expect(jsonOf(await call(`/${REMOTE}/rooms?dir=b`))['rooms']).toEqual([...shown].reverse());
    expect(jsonOf(await call(`/${BUSY}/rooms`))).toEqual({ rooms: [], total: 0 });
  });

  it('are paged', async () => {
    for (const roomId of ['!a:x', '!b:x', '!c:x']) {
      await db('federationsender_joined_hosts').insert({ room_id: roomId, event_id: `$${roomId}`, server_name: BUSY });
    }
    const first = jsonOf(await call(`/${BUSY}/rooms?limit=2`));
    expect(first).toMatchObject({ rooms: [{ room_id: '!a:x' }, { room_id: '!b:x' }], total: 3, next_token: '2' });
    const second = jsonOf(await call(`/${BUSY}/rooms?limit=2&from=2`));
    expect(second).toEqual({ rooms: [{ room_id: '!c:x', stream_ordering: null }], total: 3 });
    await db('federationsender_joined_hosts').where('server_name', BUSY).del();
  });
});

describe('a connection that is reset', () => {
  const listed = async (): Promise<number> =>
    (await db('federationsender_blacklist')).length + (await db('federationsender_assumed_offline')).length;

  it('removes the server from the lists, and makes the sender try it at once', async () => {
    const answer = await call(`/${LISTED}/reset_connection`, 'POST');
    expect([answer.status, answer.text]).toEqual([200, '{}']);
    expect(await listed()).toBe(0);
    await expect.poll(() => retriedNow).toEqual([LISTED]);
    expect(woken).toEqual([]);
    const entry = await db('matrix_admin.audit').where({ operation: 'resetConnection' }).first();
    expect(entry).toMatchObject({ outcome: 'ok', target: LISTED });
    // The server is on no list any more, has no queued events and shares no room. So the homeserver does not list it.
    expect((await call(`/${LISTED}`)).status).toBe(404);
  });

  it('wakes the sender of a host that cannot try at once', async () => {
    const own: unknown[] = [];
    const other = await mountPlugin({
      database: plugin.database,
      host: { federation: { wake: (destinations) => void own.push(...destinations) } },
    });
    const answer = await other.asAdmin(`${DESTINATIONS}/${BUSY}/reset_connection`, { method: 'POST' });
    expect(answer.status).toBe(200);
    await expect.poll(() => own).toEqual([BUSY]);
    expect(jsonOf(await other.asAdmin(`${DESTINATIONS}/${BUSY}`))).toMatchObject({ next_retry_ts: null });
    await other.close();
  });

  it('needs no federation sender', async () => {
    const alone = await mountPlugin({ database: plugin.database });
    expect((await alone.asAdmin(`${DESTINATIONS}/${LISTED}/reset_connection`, { method: 'POST' })).status).toBe(200);
    expect(await listed()).toBe(0);
    await alone.close();
  });
});

it.each(['', '/rooms', '/reset_connection'])('an unknown destination is not found: %s', async (path) => {
  for (const name of ['nowhere.invalid', SERVER_NAME]) {
    const answer = await call(`/${name}${path}`, path === '/reset_connection' ? 'POST' : 'GET');
    expect([answer.status, jsonOf(answer)]).toEqual([404, { errcode: 'M_NOT_FOUND', error: 'Unknown destination' }]);
  }
});

it('destinations are for administrators', async () => {
  for (const [path, method] of [
    ['', 'GET'],
    [`/${BUSY}`, 'GET'],
    [`/${BUSY}/rooms`, 'GET'],
    [`/${BUSY}/reset_connection`, 'POST'],
  ] as const) {
    const answer = await plugin.request(DESTINATIONS + path, { method, headers: bearer(USERS.alice.access_token) });
    expect(answer.status).toBe(403);
  }
});

it('metrics count queued events for other servers, and the connections of the pool', async () => {
  expect(await plugin.metric('matrix_admin_federation_queued', { type: 'pdu' })).toBe(2);
  expect(await plugin.metric('matrix_admin_federation_queued', { type: 'edu' })).toBe(1);
  const holding = await Promise.all([1, 2].map(() => plugin.database.pluginDb.transaction()));
  // Values are read again half a second after the last scrape.
  await expect
    .poll(() => plugin.metric('matrix_admin_database_connections', { state: 'used' }))
    .toBeGreaterThanOrEqual(2);
  await Promise.all(holding.map((transaction) => transaction.rollback()));
});
