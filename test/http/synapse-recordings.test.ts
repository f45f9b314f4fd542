import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRecord } from '../../src/json.ts';
import { stateDraftsOf } from '../../src/rooms/event-chain.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { ALICE, BOB, CAROL, createRoom } from '../support/made-rooms.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

/** A request, and what is expected of the answer, because a real Synapse has answered so. */
interface RecordedCase {
  readonly case: string;
  readonly method: string;
  /** The names in braces stand for ids. */
  readonly path: string;
  readonly body?: unknown;
  /** Who sent the request. @defaultValue an administrator */
  readonly as?: 'none' | 'unknown' | 'user';
  readonly status: number;
  readonly errcode?: string;
  /** Paths of the fields that the answer has. */
  readonly fields?: readonly string[];
}

const RECORDED: Readonly<Record<string, readonly RecordedCase[]>> = JSON.parse(
  readFileSync(new URL('../fixtures/synapse/lists-and-rooms.json', import.meta.url), 'utf8'),
);

/** Cases in which the plugin differs from Synapse on purpose. `docs/differences-from-synapse.md` has the reasons. */
const DIFFERENCES: Readonly<Record<string, readonly [status: number, errcode?: string]>> = {
  'messages alias': [400, 'M_INVALID_PARAM'],
  'messages user id': [400, 'M_INVALID_PARAM'],
  'messages no sigil': [400, 'M_INVALID_PARAM'],
  'join private': [200],
  'make_room_admin unknown room': [404, 'M_NOT_FOUND'],
  'block string': [400, 'M_INVALID_PARAM'],
};
/** Codes that the plugin uses where Synapse uses `M_UNKNOWN`. */
const KNOWN = /^M_(INVALID_PARAM|NOT_FOUND|BAD_STATE)$/;

const { rooms } = server;
const names: Record<string, string> = {
  server: SERVER_NAME,
  alpha: rooms.v10,
  alphaUnquoted: rooms.v10,
  alias: `#room-v10:${SERVER_NAME}`,
  gamma: rooms.v12,
  empty: rooms.emptied,
  noname: rooms.dm,
  reported: rooms.moderated,
};

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin();
  const { db } = plugin.database;
  const system = { actor: { kind: 'system', name: 'test' } } as const;
  for (const reason of ['one', 'two'])
    await plugin.admin.operations.reportUser({ reporter: BOB, userId: CAROL, reason }, system);
  await db('matrix_admin.jobs').insert({ kind: 'deleteRoom', state: 'succeeded', created_by: 'x', result: {} });
  names['beta'] = await createRoom(plugin, { members: [CAROL] });
  const name = stateDraftsOf(ALICE)('m.room.name', { name: 'A space' });
  names['delta'] = await createRoom(plugin, { content: { type: 'm.space' }, drafts: [name] });
  for (const [event, room] of [
    ['event', rooms.v10],
    ['gammaEvent', rooms.v12],
  ] as const) {
    names[event] = await db('syncapi_output_room_events')
      .where({ room_id: room, type: 'm.room.topic' })
      .first()
      .then((row) => row.event_id);
  }
});
afterAll(() => plugin.close());

const HEADERS = {
  none: {},
  unknown: bearer('not-a-token'),
  user: bearer(USERS.alice.access_token),
  admin: bearer(USERS.admin.access_token),
};

/** Returns the fields that the answer lacks. A list without items lacks no field. */
function missing(fields: readonly string[], answer: unknown): string[] {
  const has = (value: unknown, [step = '', ...rest]: readonly string[]): boolean => {
    const key = step.replace('[]', '');
    if (!isRecord(value) || !Object.hasOwn(value, key)) return false;
    const inner = value[key];
    if (rest.length === 0) return true;
    return step.endsWith('[]') ? Array.isArray(inner) && inner.every((item) => has(item, rest)) : has(inner, rest);
  };
  return fields.filter((field) => !has(answer, field.split('.')));
}

describe.each(Object.entries(RECORDED))('what a Synapse was asked about %s', (_subject, cases) => {
  it.each(cases.map((recorded, at) => [`${recorded.case} (${at})`, recorded] as const))(
    'is answered as it did: %s',
    async (name, recorded) => {
      const { method, as = 'admin', body } = recorded;
      const fill = (text: string, encode = encodeURIComponent): string =>
        text.replaceAll(/\{(\w+)\}/g, (whole, key: string) => (names[key] === undefined ? whole : encode(names[key])));
      const path = fill(recorded.path, name.startsWith('one unquoted') ? String : encodeURIComponent);
      const answer = await plugin.request(path, {
        method,
        headers: HEADERS[as],
        ...(body !== undefined && { body: fill(JSON.stringify(body), String) }),
      });
      const [status, errcode] = DIFFERENCES[recorded.case] ?? [recorded.status, recorded.errcode];
      const got = jsonOf(answer);
      expect([answer.status, got['errcode']], answer.text).toEqual([
        status,
        errcode === 'M_UNKNOWN' ? expect.stringMatching(KNOWN) : errcode,
      ]);
      if (status < 400) expect(missing(recorded.fields ?? [], got)).toEqual([]);
    },
  );
});
