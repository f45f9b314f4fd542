import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventId, RoomId, UserId } from '../../src/ids.ts';
import { changesOf } from '../../src/search/changes.ts';
import { documentsOfEdited, editedEventId, plainDocumentOf, searchableText } from '../../src/search/document.ts';
import type { OutputEvent } from '../../src/storage/syncapi/output-room-events.ts';
import { hostileTexts } from '../support/arbitrary-texts.ts';

let nextPosition = 1;

function eventOf(eventId: string, content: Record<string, unknown>, rest: Partial<OutputEvent> = {}): OutputEvent {
  return {
    eventId: eventId as EventId,
    roomId: '!a:localhost' as RoomId,
    sender: '@alice:localhost' as UserId,
    type: 'm.room.message',
    streamPosition: nextPosition++,
    originServerTs: nextPosition,
    isState: false,
    content,
    ...rest,
  };
}

const message = (id: string, body: unknown, rest?: Partial<OutputEvent>): OutputEvent => eventOf(id, { body }, rest);
const edit = (id: string, original: string, body: unknown, rest?: Partial<OutputEvent>): OutputEvent =>
  eventOf(
    id,
    {
      body: `* ${String(body)}`,
      'm.new_content': { body },
      'm.relates_to': { rel_type: 'm.replace', event_id: original },
    },
    rest,
  );
const textsOf = (original: OutputEvent | undefined, edits: readonly OutputEvent[]): Record<string, string> =>
  Object.fromEntries(documentsOfEdited(original, edits).map(({ eventId, text }) => [eventId, text]));

describe('searchableText()', () => {
  it('returns text of limited length that PostgreSQL can store, and nothing for blank text', () => {
    fc.assert(
      fc.property(hostileTexts, (body) => {
        const text = searchableText(body);
        if (text === undefined) return;
        expect(text.isWellFormed() && !text.includes('\0') && text.trim() !== '').toBe(true);
        expect(text.length).toBe(body.length);
      }),
    );
  });

  it('cuts long texts, but never inside a character', () => {
    expect(searchableText('x'.repeat(20_000))).toBe('x'.repeat(16_000));
    expect(searchableText('🦊'.repeat(10_000))).toBe('🦊'.repeat(8_000));
    expect(searchableText(`x${'🦊'.repeat(10_000)}`)).toBe(`x${'🦊'.repeat(7_999)}`);
  });

  it.each([[undefined], [null], [1], [true], [{}], [['x']], [''], ['  \n'], ['\0\0']])('is nothing for %j', (value) => {
    expect(searchableText(value)).toBeUndefined();
  });
});

describe('plainDocumentOf()', () => {
  it.each([
    ['m.room.message', { body: 'text' }, 'content.body'],
    ['m.room.name', { name: 'text' }, 'content.name'],
    ['m.room.topic', { topic: 'text' }, 'content.topic'],
  ])('returns the text of %s', (type, content, key) => {
    expect(plainDocumentOf(eventOf('$a:x', content, { type }))).toMatchObject({ eventId: '$a:x', text: 'text', key });
  });

  it.each(['m.room.member', 'constructor', '__proto__', 'toString', ''])('returns nothing for %j', (type) => {
    const content = { body: 'x', name: 'x', topic: 'x', undefined: 'x' };
    expect(plainDocumentOf(eventOf('$a:x', content, { type }))).toBeUndefined();
  });
});

describe('editedEventId()', () => {
  it.each([
    ['an id with NUL', '$a\0b:x'],
    ['half a surrogate pair', '$\ud800:x'],
    ['an id of excessive length', `$${'a'.repeat(300)}:x`],
    ['an invalid event id', '!room:x'],
    ['a value that is not a text', 7],
    ['an absent value', undefined],
  ])('is nothing for %s, which no table can store', (_, id) => {
    const content = { 'm.new_content': { body: 'x' }, 'm.relates_to': { rel_type: 'm.replace', event_id: id } };
    expect(editedEventId('m.room.message', content)).toBeUndefined();
    expect(
      changesOf([{ event_id: '$r:x', room_id: '!a:x', type: 'm.room.redaction', content: { redacts: id } }]).eventIds,
    ).toEqual([]);
  });
});

describe('changesOf()', () => {
  const redaction = { event_id: '$r:x', room_id: '!a:x', type: 'm.room.redaction' };

  it('names the redacted event for both places of its id', () => {
    expect(changesOf([{ ...redaction, content: {}, redacts: '$a:x' }]).eventIds).toEqual(['$a:x']);
    expect(changesOf([{ ...redaction, content: { redacts: '$a:x' } }]).eventIds).toEqual(['$a:x']);
    expect(changesOf([{ ...redaction, content: { redacts: '$a:x' }, redacts: '$b:x' }]).eventIds).toEqual([
      '$b:x',
      '$a:x',
    ]);
  });

  it('ignores events that do not concern the index', () => {
    const types = ['m.room.member', 'm.reaction', 'constructor', '__proto__'];
    expect(changesOf(types.map((type) => ({ ...redaction, type, content: { body: 'x' } }))).eventIds).toEqual([]);
  });
});

describe('documentsOfEdited()', () => {
  const original = message('$o:x', 'first');

  it('returns an event without edits unchanged', () => {
    expect(textsOf(original, [])).toEqual({ '$o:x': 'first' });
  });

  it('returns only the latest edit, under its own id, with its new content', () => {
    const [later, earlier] = [edit('$e2:x', '$o:x', 'third', { originServerTs: 9e9 }), edit('$e1:x', '$o:x', 'second')];
    expect(textsOf(original, [later, earlier])).toEqual({ '$e2:x': 'third' });
    expect(textsOf(original, [earlier, later])).toEqual({ '$e2:x': 'third' });
  });

  it('prefers the larger event id of two edits with the same time', () => {
    const at = { originServerTs: 5 };
    expect(
      textsOf(original, [edit('$b:x', '$o:x', 'b', at), edit('$c:x', '$o:x', 'c', at), edit('$a:x', '$o:x', 'a', at)]),
    ).toEqual({
      '$c:x': 'c',
    });
  });

  it.each([
    ['another sender', { sender: '@mallory:x' as UserId }],
    ['another room', { roomId: '!b:x' as RoomId }],
    ['a state event', { isState: true }],
  ])('treats an edit by %s as an ordinary message', (_, rest) => {
    expect(textsOf(original, [edit('$e:x', '$o:x', 'new', rest)])).toEqual({ '$o:x': 'first', '$e:x': '* new' });
  });

  it('returns nothing for an event that is an edit itself, and treats edits of it as ordinary messages', () => {
    expect(textsOf(edit('$e1:x', '$o:x', 'second'), [edit('$e2:x', '$e1:x', 'third')])).toEqual({ '$e2:x': '* third' });
  });

  it('returns nothing for a redacted event with edits', () => {
    expect(textsOf(eventOf('$o:x', {}), [edit('$e:x', '$o:x', 'second')])).toEqual({});
  });

  it('returns the previous edit if the latest is redacted', () => {
    const redacted = eventOf('$e2:x', {});
    expect(textsOf(original, [edit('$e1:x', '$o:x', 'second'), redacted])).toEqual({ '$e1:x': 'second' });
  });

  it('returns nothing if an edit removes the text', () => {
    expect(textsOf(original, [edit('$e:x', '$o:x', ' ')])).toEqual({});
  });

  it('treats edits of an unknown event as valid: the latest of each sender in each room', () => {
    const bob = { sender: '@bob:x' as UserId };
    const elsewhere = { roomId: '!b:x' as RoomId };
    const edits = [
      edit('$a1:x', '$o:x', 'a1'),
      edit('$a2:x', '$o:x', 'a2'),
      edit('$b:x', '$o:x', 'b', bob),
      edit('$c:x', '$o:x', 'c', elsewhere),
    ];
    expect(textsOf(undefined, edits)).toEqual({ '$a2:x': 'a2', '$b:x': 'b', '$c:x': 'c' });
  });
});
