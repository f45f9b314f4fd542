import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RoomId } from '../../src/ids.ts';
import {
  forgetInAccountData,
  forgetInFilter,
  forgetInQueue,
  forgetInToDevice,
  needleOf,
} from '../../src/rooms/purge/forget-room.ts';

const ROOM = '!opaque-id:example.org' as RoomId;
const OTHER = '!other:example.org' as RoomId;

/** Generates JSON that contains room ids as entries, values and names. */
const json = fc
  .jsonValue()
  .chain((value) =>
    fc.constantFrom(
      value,
      [value, ROOM, OTHER],
      { [ROOM]: value, [OTHER]: value },
      { rooms: [ROOM, OTHER], value },
      { deep: [{ room_id: ROOM, value }] },
    ),
  );

describe('data about a purged room', () => {
  it('no longer names the room, and keeps everything else', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        for (const forgotten of [
          forgetInAccountData(ROOM, 'org.example', text),
          forgetInAccountData(ROOM, 'm.direct', text),
          forgetInAccountData(ROOM, 'm.push_rules', text),
          forgetInFilter(ROOM, text),
        ]) {
          expect(forgotten === undefined).toBe(!text.includes(ROOM));
          expect(forgotten ?? '').not.toContain(ROOM);
          if (text.includes(OTHER)) expect(forgotten ?? text).toContain(OTHER);
        }
      }),
    );
  });

  it('is removed from m.direct of any shape', () => {
    const direct = (value: unknown): unknown =>
      JSON.parse(forgetInAccountData(ROOM, 'm.direct', JSON.stringify(value)) ?? '0');
    expect(direct([ROOM, OTHER])).toEqual([OTHER]);
    expect(direct({ '@a:x': ROOM, '@b:x': OTHER })).toEqual({ '@b:x': OTHER });
    expect(direct({ [ROOM]: [OTHER], '@b:x': [OTHER] })).toEqual({ '@b:x': [OTHER] });
    expect(direct({ '@a:x': { rooms: [ROOM] } })).toEqual({ '@a:x': { rooms: [] } });
    expect(direct({ '@a:x': [ROOM], '@b:x': [ROOM, OTHER], '@c:x': [] })).toEqual({ '@b:x': [OTHER], '@c:x': [] });
  });

  it('is removed from deeply nested values', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    for (const type of ['m.direct', 'm.push_rules', 'org.example']) {
      expect(forgetInAccountData(ROOM, type, `{"rooms":["${ROOM}"],"deep":${deep}}`)).toMatch(
        /"deep":\[{20000}\]{20000}\}$/,
      );
    }
  });

  it('stays unchanged if it is not JSON, or nested too deeply', () => {
    const deep = `${'['.repeat(20_000)}"${ROOM}"${']'.repeat(20_000)}`;
    for (const text of ['', 'no JSON', `{"room_id":"${ROOM}"`, deep]) {
      expect(forgetInAccountData(ROOM, 'm.direct', text), text.slice(0, 20)).toBeUndefined();
      expect(forgetInAccountData(ROOM, 'm.push_rules', text)).toBeUndefined();
      expect(forgetInFilter(ROOM, text)).toBeUndefined();
      expect(forgetInToDevice(ROOM, text)).toBeUndefined();
      expect(forgetInQueue(ROOM, text)).toBeUndefined();
    }
  });

  it('in the queue loses only events and EDUs of the room', () => {
    const event = { type: 'm.room.message', content: { body: ROOM }, _event_id: '$event' };
    expect(forgetInQueue(ROOM, JSON.stringify({ ...event, room_id: ROOM }))).toBeNull();
    expect(forgetInQueue(ROOM, JSON.stringify({ ...event, room_id: OTHER }))).toBeUndefined();
    const v12 = `!${'a'.repeat(43)}` as RoomId;
    const create = { type: 'm.room.create', state_key: '', _event_id: `$${'a'.repeat(43)}` };
    expect(forgetInQueue(v12, JSON.stringify(create))).toBeNull();
    expect(forgetInQueue(v12, JSON.stringify({ ...create, type: 'm.room.message' }))).toBeUndefined();
    const typing = { edu_type: 'm.typing', content: { room_id: ROOM } };
    expect(forgetInQueue(ROOM, JSON.stringify(typing))).toBeNull();
    expect(forgetInQueue(OTHER, JSON.stringify(typing))).toBeUndefined();
  });

  it('is found by a text that every form of its JSON contains', () => {
    const opaque = fc.string({ minLength: 1, unit: fc.constantFrom(...Array.from('abcXYZ019_-.=<>&"\\ /é')) });
    fc.assert(
      fc.property(opaque, (id) => {
        const roomId = `!${id}:example.org` as RoomId;
        const escaped = JSON.stringify(roomId).replace(
          /[<>&é]/g,
          (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
        for (const text of [roomId, JSON.stringify(roomId), escaped]) expect(text).toContain(needleOf(roomId));
      }),
    );
    expect(needleOf(ROOM)).toBe('opaque-id');
    expect(needleOf('!Wv_8-abc' as RoomId)).toBe('Wv_8-abc');
  });
});
