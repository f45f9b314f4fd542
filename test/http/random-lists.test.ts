import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BULK_NAMES } from '../../src/operations/bulk/bulk-targets.ts';
import { ROOM_ORDERS } from '../../src/storage/roomserver/room-list.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { USERS } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { countFromEnvironment } from '../support/long-version.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

/** Each run makes this many calls at the same time. `LIST_RUNS=100` makes 2,000 calls. */
const CALLS_IN_RUN = 20;
const RUNS = countFromEnvironment('LIST_RUNS', 15);
const BULK = '/_dendrite/admin/bulk';

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin({ options: ALL_ROUTES });
  // After this rebuild, the plugin reads lists of rooms and users from the summaries.
  await plugin.admin.operations.rebuildSummaries({}, { actor: { kind: 'system', name: 'test' } });
});
afterAll(() => plugin.close());

interface Call {
  readonly path: string;
  readonly body?: unknown;
}

const text = fc.oneof(
  fc.constantFrom('a', 'O', '%', '_', '\\', '\n', '\0', "'", '?', ':name', '$1', '💩', 'ẞ', '#', '', 'x'.repeat(300)),
  fc.string({ unit: 'binary', maxLength: 8 }).map((value) => value.toWellFormed()),
);
const number = fc.oneof(
  fc.nat({ max: 30 }).map(String),
  fc.constantFrom('-1', '1.5', '1e3', 'NaN', '9007199254740991', '9223372036854775808', ''),
);
const flag = fc.constantFrom('true', 'false', 'true', 'false', '1', 'maybe');
const direction = fc.constantFrom('f', 'b', 'f', 'b', 'x');

/**
 * Generates the path of a list with query parameters. Each parameter may be absent, and may have a value that the list refuses.
 */
const listOf = (path: string, orders: readonly string[], parameters: Record<string, fc.Arbitrary<string>>) =>
  fc
    .record(
      {
        order_by: fc.constantFrom(...orders, ...orders, 'nothing'),
        dir: direction,
        from: number,
        limit: number,
        ...parameters,
      },
      { requiredKeys: [] },
    )
    .map((query): Call => ({ path: `${path}?${new URLSearchParams(query).toString()}` }));

const USER_ORDERS = [
  'name',
  'is_guest',
  'admin',
  'user_type',
  'deactivated',
  'displayname',
  'creation_ts',
  'last_seen_ts',
];
const USER_FILTERS = {
  name: text,
  user_id: text,
  guests: flag,
  locked: flag,
  deactivated: flag,
  admins: flag,
  not_user_type: fc.constantFrom('', 'bot', 'support', 'x'),
};
const list = fc.oneof(
  listOf('/_synapse/admin/v1/rooms', ROOM_ORDERS, { search_term: text, public_rooms: flag, empty_rooms: flag }),
  listOf('/_synapse/admin/v2/users', USER_ORDERS, USER_FILTERS),
  listOf('/_synapse/admin/v3/users', USER_ORDERS, USER_FILTERS),
  listOf('/_synapse/admin/v1/statistics/users/media', ['media_length', 'media_count'], { search_term: text }),
  listOf('/_synapse/admin/v1/event_reports', ['received_ts'], { user_id: text, room_id: text }),
  listOf('/_synapse/admin/v1/federation/destinations', ['destination', 'failure_ts'], { destination: text }),
);

const maybeFlag = fc.oneof({ weight: 5, arbitrary: fc.boolean() }, { weight: 1, arbitrary: fc.constant('yes') });
const anyOf = (values: readonly string[]) =>
  fc.array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: text }), {
    maxLength: 4,
  });
const bulk = fc
  .record(
    {
      operation: fc.constantFrom(...BULK_NAMES, ...BULK_NAMES, 'listUsers'),
      dry_run: fc.constantFrom(true, true, true, false),
      user_ids: anyOf([USERS.alice.user_id, USERS.bob.user_id, '@nobody:nowhere']),
      room_ids: anyOf([...Object.values(server.rooms), '!nothing:nowhere']),
      user_filter: fc.record({ name: text, locked: maybeFlag, admins: maybeFlag }, { requiredKeys: [] }),
      room_filter: fc.record({ search_term: text, public_rooms: maybeFlag }, { requiredKeys: [] }),
      options: fc.oneof(
        fc.constant({}),
        fc.record({ erase: maybeFlag, block: maybeFlag }, { requiredKeys: [] }),
        fc.json(),
      ),
    },
    { requiredKeys: ['operation', 'dry_run'] },
  )
  .map((body): Call => ({ path: BULK, body }));
/** Generates a valid bulk plan: an operation without options, and users or rooms, whichever the operation works on. */
const goodBulk = fc
  .oneof(
    fc.record({
      operation: fc.constantFrom('deactivateUser', 'resetPassword', 'setUserSuspended'),
      user_filter: fc.record({ name: text, locked: fc.boolean(), admins: fc.boolean() }, { requiredKeys: [] }),
    }),
    fc.record({
      operation: fc.constantFrom('deleteRoom', 'purgeRoom', 'evacuateRoom'),
      room_filter: fc.record({ search_term: text, public_rooms: fc.boolean() }, { requiredKeys: [] }),
    }),
  )
  .map((body): Call => ({ path: BULK, body: { ...body, dry_run: true } }));
/** Generates calls that run a selection with a token that no dry run has returned. Such a call must run nothing. */
const unknownToken = fc.oneof(fc.uuid(), text, fc.json()).map((token): Call => ({ path: BULK, body: { token } }));
const call = fc.oneof(
  { weight: 6, arbitrary: list },
  { weight: 2, arbitrary: bulk },
  { weight: 2, arbitrary: goodBulk },
  { weight: 1, arbitrary: unknownToken },
);

it('answers random calls of lists and of bulk dry runs without a 5xx, and changes no user and no room', {
  timeout: 120_000,
}, async () => {
  const { db } = plugin.database;
  const statuses: Record<string, number> = {};
  const stored = async () => ({
    users: await db('userapi_accounts').orderBy(['server_name', 'localpart']),
    rooms: await db('roomserver_rooms').orderBy('room_nid'),
  });
  const before = await stored();
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: CALLS_IN_RUN, maxLength: CALLS_IN_RUN }), async (calls) => {
      const answers = await Promise.all(
        calls.map(({ path, body }) =>
          plugin.asAdmin(path, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
        ),
      );
      for (const [n, answer] of answers.entries()) {
        const kind = `${calls[n]?.body === undefined ? 'list' : 'bulk'} ${answer.status}`;
        statuses[kind] = (statuses[kind] ?? 0) + 1;
        expect([200, 400, 404], JSON.stringify([calls[n], answer.text])).toContain(answer.status);
        if (answer.status !== 200) expect(jsonOf(answer)).toMatchObject({ errcode: expect.stringMatching(/^M_/) });
      }
    }),
    { numRuns: RUNS },
  );
  expect(await stored()).toEqual(before);
  expect(plugin.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  // The plugin has accepted some calls of each kind, and refused others.
  for (const kind of ['list 200', 'list 400', 'bulk 200', 'bulk 400']) expect(statuses[kind]).toBeGreaterThan(RUNS);
});
