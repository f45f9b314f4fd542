import type { Knex } from 'knex';
import { describe, it, onTestFinished } from 'vitest';
import type { RoomId } from '../../src/ids.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { callEveryRoute } from '../support/every-route.ts';
import { ALL_ROUTES, mountPlugin } from '../support/mounted-plugin.ts';

/** All columns that store events and other JSON that users have written. */
const JSON_COLUMNS = {
  roomserver_event_json: 'event_json',
  roomserver_invites: 'invite_event_json',
  syncapi_output_room_events: 'headered_event_json',
  syncapi_current_room_state: 'headered_event_json',
  syncapi_invite_events: 'headered_event_json',
  syncapi_send_to_device: 'content',
  syncapi_filter: 'filter',
  userapi_account_datas: 'content',
  federationsender_queue_json: 'json_body',
};

const DEEP = `{"a":[`;
/**
 * Values that another program may have stored. `member` is added to each object of each event. `text` is added to all profiles.
 */
const JUNK: Readonly<Record<string, { readonly member: string; readonly text: string }>> = {
  'NUL characters': { member: String.raw`"\u0000k":"\u0000v"`, text: String.raw`\u0000` },
  'halves of surrogate pairs': { member: String.raw`"\ud800k":"\udc00v"`, text: String.raw`\ud800` },
  'JSON of many levels': { member: `"deep":${DEEP.repeat(4_000)}1${']}'.repeat(4_000)}`, text: '' },
};

const rooms: Readonly<Record<string, string>> = server.rooms;
const roomOf = (version: string): RoomId => rooms[version] as RoomId;

async function spoil(db: Knex, { member, text }: { member: string; text: string }): Promise<void> {
  const spoilt = (json: string): string =>
    json
      .replace(/^\{(?=")/, () => `{${member},`)
      .replaceAll(/"content":\{(?=")/g, () => `"content":{${member},`)
      .replaceAll(/"(?:displayname|name|topic|body|reason)":"/g, (start) => start + text);
  for (const [table, column] of Object.entries(JSON_COLUMNS)) {
    const rows: { row: string; json: string }[] = await db(table).select(
      db.raw('ctid::text AS row, ?? AS json', [column]),
    );
    for (const { row, json } of rows) await db(table).whereRaw('ctid = ?::tid', [row]).update(column, spoilt(json));
  }
}

describe.each(Object.entries(JUNK))('a database full of %s', (_, junk) => {
  it('breaks no operation', { timeout: 90_000 }, async () => {
    const plugin = await mountPlugin({ options: { ...ALL_ROUTES, limits: { federationRequestMs: 500 } } });
    onTestFinished(() => plugin.close());
    await spoil(plugin.database.db, junk);
    await callEveryRoute(plugin, {
      shown: roomOf('v10'),
      doomed: [roomOf('v5'), roomOf('v6'), roomOf('v7'), roomOf('v8'), roomOf('v9')],
    });
  });
});
