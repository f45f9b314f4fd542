import assert from 'node:assert/strict';
import type { RoomId } from '../../ids.ts';
import { documentOf, type IndexTest, ROOM, textsOf } from './harness.ts';

/** A room id, and other room ids that a careless comparison of texts treats as equal to the first one. */
const LOOKALIKES = [
  '!Caf\u00e9Room:example.org',
  '!caf\u00e9room:example.org',
  '!Cafe\u0301Room:example.org',
  '!Caf\u00e9\uff32oom:example.org',
  '!Caf\u00e9Room:EXAMPLE.org',
  '!Caf\u00e9Room:example.org ',
  '!CafeRoom:example.org',
] as readonly string[] as readonly RoomId[];

/** Search terms, and the texts that each term must find. It must find no others. */
const TERMS_TO_TEXTS: Readonly<Record<string, readonly string[]>> = {
  MEETING: ['Meeting at noon'],
  'noon meeting': ['Meeting at noon'],
  meet: ['Meeting at noon'],
  mee: [],
  'meeting tomorrow': [],
  bold: ['<b>bold</b> & "quoted" text'],
  quoted: ['<b>bold</b> & "quoted" text'],
  score: ['under_score and $price=12.5|x'],
  price: ['under_score and $price=12.5|x'],
  '12': ['under_score and $price=12.5|x'],
  'bob@example.org': ['e-mail bob@example.org'],
  mail: ['e-mail bob@example.org'],
  'e-mail': ['e-mail bob@example.org'],
  greentea: [],
  'green tea': ['green tea is nice'],
  'tea green': ['green tea is nice'],
  CAFÉ: ['Café crème'],
  'cafe\u0301': ['Café crème'],
  cafe: ['Café crème'],
  hello: ['ＨＥＬＬＯ ｗｏｒｌｄ'],
  ПРИВЕТ: ['Привет, как дела?'],
  straße: ['Große Straße'],
  हिन्दी: ['मुझे हिन्दी आती है'],
  שלום: ['שלום עולם'],
  Ελλάδα: ['Η Ελλάδα το καλοκαίρι'],
  donaudampfschiff: ['Donaudampfschiff in Sicht'],
  dampf: [],
};

/** Tests which texts a search term finds, and that the search respects the given rooms and keys. */
export function matchingContract(test: IndexTest): void {
  test('finds texts that contain all words, in any case, despite punctuation', async ({ write, find }) => {
    const texts = [...new Set(Object.values(TERMS_TO_TEXTS).flat())];
    await write({ upserts: texts.map((text, index) => documentOf(index + 1, text)) });
    for (const [term, expected] of Object.entries(TERMS_TO_TEXTS)) {
      assert.deepEqual(textsOf(await find(term)), expected, `term ${term}`);
    }
  });

  test('uses every word of a long term', async ({ write, find }) => {
    const words = Array.from({ length: 20 }, (_, index) => `word${index}`);
    await write({ upserts: [documentOf(1, words.join(' ')), documentOf(2, words.slice(0, 19).join(' '))] });
    assert.equal((await find(words.slice(0, 19).join(' '))).length, 2);
    assert.deepEqual(textsOf(await find(words.join(' '))), [words.join(' ')]);
    assert.deepEqual(await find(`${words.join(' ')} absent`), []);
  });

  test('finds very long words', async ({ write, find }) => {
    const [long, longer] = ['x'.repeat(230), 'ж'.repeat(200)];
    await write({ upserts: [documentOf(1, `a ${long} b`), documentOf(2, longer)] });
    assert.equal((await find(long)).length, 1);
    assert.equal((await find(longer)).length, 1);
    assert.deepEqual(await find('x'.repeat(229)), []);
  });

  test('finds nothing for a term without words, in no room, or under no key', async ({ write, find }) => {
    await write({ upserts: [documentOf(1, 'something')] });
    for (const term of ['', ' ', '...!?', '"', '-', '🦊', '-something', '*'])
      assert.deepEqual(await find(term), [], `term ${term}`);
    assert.deepEqual(await find('something', { rooms: [] }), []);
    assert.deepEqual(await find('something', { keys: [] }), []);
  });

  test('searches only the given keys', async ({ write, find }) => {
    const keys = ['content.body', 'content.name', 'content.topic'] as const;
    await write({ upserts: keys.map((key, index) => documentOf(index + 1, `gardening ${key}`, { key })) });
    for (const key of keys) assert.deepEqual(textsOf(await find('gardening', { keys: [key] })), [`gardening ${key}`]);
    assert.equal((await find('gardening', { keys: ['content.name', 'content.topic'] })).length, 2);
  });

  test('distinguishes rooms whose ids differ only in case or Unicode form', async ({ write, find }) => {
    await write({
      upserts: LOOKALIKES.map((roomId, index) => documentOf(index + 1, `confidential ${index}`, { roomId })),
    });
    for (const [index, roomId] of LOOKALIKES.entries()) {
      assert.deepEqual(textsOf(await find('confidential', { rooms: [roomId] })), [`confidential ${index}`]);
    }
    await write({ removedRooms: LOOKALIKES.slice(0, 1) });
    assert.equal((await find('confidential', { rooms: LOOKALIKES })).length, LOOKALIKES.length - 1);
  });

  test('searches in more rooms than a filter can hold', async ({ write, page }) => {
    const rooms = Array.from({ length: 1_200 }, (_, index) => `!r${index}:example.org` as RoomId);
    const roomAt = (index: number): RoomId => rooms[(index * 7) % 1_200] ?? ROOM;
    const upserts = Array.from({ length: 300 }, (_, index) =>
      documentOf(index + 1, 'shared', { roomId: roomAt(index) }),
    );
    await write({ upserts });
    const mine = new Set(rooms.slice(0, 600));
    const expected = upserts
      .filter(({ roomId }) => mine.has(roomId))
      .map(({ eventId }) => eventId)
      .reverse();
    const found: string[] = [];
    let after: string | undefined;
    do {
      const { hits, next } = await page('shared', {
        rooms: [...mine],
        limit: 40,
        ...(after === undefined ? {} : { after }),
      });
      found.push(...hits.map(({ eventId }) => eventId));
      after = next;
    } while (after !== undefined);
    assert.deepEqual(found, expected);
  });
}
