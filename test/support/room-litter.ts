import type { Knex } from 'knex';
import { splitUserId, type UserId } from '../../src/ids.ts';

/**
 * Adds rows that name a room to every table in which a homeserver may name a room. This includes everything that Dendrite's
 * purge leaves behind. Adds rows of another room to the same tables.
 * @returns by table, the rows from which a purge must remove the room
 */
export async function litterRoom(
  db: Knex,
  { roomId, neighbour, user }: { readonly roomId: string; readonly neighbour: string; readonly user: UserId },
): Promise<Record<string, Record<string, unknown>[]>> {
  const { localpart, serverName } = splitUserId(user);
  const room = await db('public.roomserver_rooms').where('room_id', roomId).first();
  const other = await db('public.roomserver_rooms').where('room_id', neighbour).first();
  const events = await db('public.roomserver_events').where('room_nid', room.room_nid).orderBy('event_nid');
  const others = await db('public.roomserver_events').where('room_nid', other.room_nid).orderBy('event_nid');
  const first = events.at(-1);
  const second = events.at(-2);
  const otherFirst = others.at(-1);
  /** The NID is far from other NIDs, as after a purge of many events. */
  const rejectedNid = 9_000_000_000 + Number(room.room_nid);
  const account = { localpart, server_name: serverName };

  // Account data.
  const pushRules = {
    global: {
      override: [
        { rule_id: roomId, conditions: [{ kind: 'event_match', key: 'room_id', pattern: roomId }], actions: [] },
        { rule_id: 'mine', conditions: [{ kind: 'event_match', key: 'room_id', pattern: neighbour }], actions: [] },
        { rule_id: 'both', conditions: [{ kind: 'event_property_is', key: 'room_id', value: roomId }], actions: [] },
      ],
      room: [
        { rule_id: roomId, actions: ['notify'] },
        { rule_id: neighbour, actions: ['notify'] },
      ],
    },
  };
  const accountData: (readonly [roomId: string, type: string, content: unknown])[] = [
    ['', 'm.push_rules', pushRules],
    ['', 'm.direct', { '@both:x.example': [roomId, neighbour], '@only:x.example': [roomId], '@none:x.example': [] }],
    ['', 'im.vector.setting.breadcrumbs', { recent_rooms: [neighbour, roomId] }],
    ['', 'org.example', { rooms: { [roomId]: 1, [neighbour]: 2 }, last: roomId, text: 'of two rooms' }],
    ['', 'org.unparsable', undefined],
    [neighbour, 'm.tag', { tags: {} }],
    [roomId, 'm.tag', { tags: { 'm.favourite': {} } }],
    [roomId, 'm.fully_read', { event_id: first.event_id }],
  ];
  await db('public.userapi_account_datas').where(account).whereIn('type', ['m.push_rules', 'm.direct']).del();
  for (const [dataRoom, type, content] of accountData) {
    const row = { ...account, room_id: dataRoom, type, content: JSON.stringify(content) ?? '{"no JSON' };
    await db('public.userapi_account_datas').insert(row);
    await db('public.syncapi_account_data_type')
      .insert({ user_id: user, room_id: dataRoom, type })
      .onConflict(['user_id', 'room_id', 'type'])
      .merge();
  }

  // Data that clients receive.
  const forBoth = [roomId, neighbour];
  for (const each of forBoth) {
    await db('public.syncapi_peeks').insert({ room_id: each, user_id: user, device_id: 'D', creation_ts: 1 });
    await db('public.userapi_notifications').insert({
      ...account,
      room_id: each,
      event_id: each === roomId ? first.event_id : otherFirst.event_id,
      stream_pos: 1,
      ts_ms: 1,
      highlight: false,
      notification_json: '{}',
    });
    await db('public.userapi_key_backups').insert({
      user_id: user,
      room_id: each,
      session_id: 'S',
      version: '1',
      first_message_index: 0,
      forwarded_count: 0,
      is_verified: false,
      session_data: '{}',
    });
    await db('public.federationsender_inbound_peeks').insert({
      room_id: each,
      server_name: 'x.example',
      peek_id: 'P',
      creation_ts: 1,
      renewed_ts: 1,
      renewal_interval: 1,
    });
    await db('public.federationsender_outbound_peeks').insert({
      room_id: each,
      server_name: 'x.example',
      peek_id: 'P',
      creation_ts: 1,
      renewed_ts: 1,
      renewal_interval: 1,
    });
    await db('public.roomserver_reported_events').insert({
      room_nid: each === roomId ? room.room_nid : other.room_nid,
      event_nid: each === roomId ? first.event_nid : otherFirst.event_nid,
      reporting_user_nid: 65_536,
      event_sender_nid: 65_537,
      received_ts: 1,
    });
    await db('matrix_admin.reports').insert({ room_id: each, reporter: user, reason: '' });
    await db('public.roomserver_user_room_keys').insert({
      user_nid: 65_536,
      room_nid: each === roomId ? room.room_nid : other.room_nid,
      pseudo_id_pub_key: Buffer.from('key'),
    });
    await db('public.syncapi_receipts').insert({
      room_id: each,
      receipt_type: 'm.read.private',
      user_id: user,
      event_id: each === roomId ? first.event_id : otherFirst.event_id,
      receipt_ts: 1,
    });
  }
  await db('public.userapi_key_backup_versions').insert({
    user_id: user,
    version: 1,
    algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2',
    auth_data: '{}',
    etag: '41',
  });
  const toDevice = (content: unknown): Promise<unknown> =>
    db('public.syncapi_send_to_device').insert({ user_id: user, device_id: 'D', content: JSON.stringify(content) });
  await toDevice({ sender: user, type: 'm.room_key_request', content: { body: { room_id: roomId, session_id: 'S' } } });
  await toDevice({
    sender: user,
    type: 'm.room_key_request',
    content: { body: { room_id: neighbour, session_id: 'S' } },
  });
  const filter = { room: { rooms: [roomId], not_rooms: [neighbour, roomId] } };
  const [{ id: filterId }] = await db('public.syncapi_filter')
    .insert({ filter: JSON.stringify(filter), localpart })
    .returning('id');
  await db('public.syncapi_filter').insert({ filter: JSON.stringify({ room: { rooms: [neighbour] } }), localpart });

  // Data queued for other servers.
  const queue = async (table: 'pdus' | 'edus', body: unknown): Promise<number> => {
    const [row] = await db('public.federationsender_queue_json')
      .insert({ json_body: JSON.stringify(body) })
      .returning('json_nid');
    const extra = table === 'pdus' ? { transaction_id: '' } : { edu_type: 'm.x' };
    await db(`public.federationsender_queue_${table}`).insert({
      ...extra,
      server_name: 'x.example',
      json_nid: row.json_nid,
    });
    return Number(row.json_nid);
  };
  const edu = (type: string, content: unknown): unknown => ({ edu_type: type, origin: serverName, content });
  const message = { type: 'm.room.message', sender: user, content: { body: 'hello' } };
  await queue('pdus', { ...message, room_id: roomId, _event_id: first.event_id });
  await queue('pdus', { ...message, type: 'm.room.create', state_key: '', _event_id: `$${roomId.slice(1)}` });
  await queue('pdus', { ...message, room_id: neighbour, _event_id: otherFirst.event_id });
  await queue('pdus', { ...message, type: 'm.space.child', state_key: roomId, room_id: neighbour, content: {} });
  await queue('edus', edu('m.typing', { room_id: roomId, user_id: user, typing: true }));
  await queue('edus', edu('m.typing', { room_id: neighbour, user_id: user, typing: true }));
  const receiptsOf = (ids: readonly string[]): unknown => Object.fromEntries(ids.map((id) => [id, { 'm.read': {} }]));
  await queue('edus', edu('m.receipt', receiptsOf([roomId])));
  const receiptNid = await queue('edus', edu('m.receipt', receiptsOf(forBoth)));
  await queue('edus', edu('m.direct_to_device', { messages: { '@x:x.example': { D: { room_id: roomId } } } }));

  // Data of the roomserver and of the search index.
  await db('public.roomserver_redactions').insert([
    { redaction_event_id: `$of-another-room-${room.room_nid}`, redacts_event_id: first.event_id, validated: false },
    { redaction_event_id: second.event_id, redacts_event_id: `$not-there-${room.room_nid}`, validated: false },
    { redaction_event_id: `$of-others-${room.room_nid}`, redacts_event_id: otherFirst.event_id, validated: false },
  ]);
  await db('public.syncapi_backward_extremities').insert([
    { room_id: roomId, event_id: first.event_id, prev_event_id: `$missing-${room.room_nid}` },
    { room_id: neighbour, event_id: otherFirst.event_id, prev_event_id: `$missing-too-${room.room_nid}` },
  ]);
  await db('public.roomserver_previous_events').insert([
    { previous_event_id: `$missing-${room.room_nid}`, event_nids: [first.event_nid] },
    { previous_event_id: `$missing-too-${room.room_nid}`, event_nids: [otherFirst.event_nid] },
    { previous_event_id: `$missing-of-rejected-${room.room_nid}`, event_nids: [rejectedNid] },
  ]);
  await db('public.roomserver_events').insert({
    event_nid: rejectedNid,
    room_nid: room.room_nid,
    event_type_nid: 65_536,
    event_state_key_nid: 0,
    depth: 99,
    event_id: `$rejected-${room.room_nid}`,
    auth_event_nids: [first.event_nid],
    is_rejected: true,
  });
  await db('public.roomserver_event_json').insert({
    event_nid: rejectedNid,
    event_json: JSON.stringify({
      prev_events: [`$missing-of-rejected-${room.room_nid}`],
      reply: otherFirst.event_id,
      room_id: roomId,
    }),
  });
  await db('matrix_admin.search_edits')
    .insert([
      { edit_event_id: first.event_id, original_event_id: second.event_id },
      { edit_event_id: `$edit-of-nobody-${room.room_nid}`, original_event_id: first.event_id },
      { edit_event_id: otherFirst.event_id, original_event_id: `$original-${room.room_nid}` },
    ])
    .onConflict()
    .ignore();

  const contents: Record<string, unknown> = {
    'im.vector.setting.breadcrumbs': { recent_rooms: [neighbour] },
    'm.direct': { '@both:x.example': [neighbour], '@none:x.example': [] },
    'm.push_rules': { global: { override: [pushRules.global.override[1]], room: [pushRules.global.room[1]] } },
    'org.example': { rooms: { [neighbour]: 2 }, text: 'of two rooms' },
  };
  const types = Object.keys(contents);
  return {
    userapi_account_datas: types.map((type) => ({ ...account, type, content: JSON.stringify(contents[type]) })),
    syncapi_account_data_type: types.map((type) => ({ user_id: user, room_id: '', type })),
    syncapi_filter: [{ id: filterId, filter: JSON.stringify({ room: { rooms: [], not_rooms: [neighbour] } }) }],
    federationsender_queue_json: [
      { json_nid: receiptNid, json_body: JSON.stringify(edu('m.receipt', receiptsOf([neighbour]))) },
    ],
    userapi_key_backup_versions: [{ user_id: user, etag: '42' }],
  };
}
