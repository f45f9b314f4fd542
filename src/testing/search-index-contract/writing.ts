import assert from 'node:assert/strict';
import type { RoomId } from '../../ids.ts';
import { documentOf, eventIdOf, type IndexTest, idsOf, ROOM, textsOf } from './harness.ts';

const OTHER_ROOM = '!other:example.org' as RoomId;

/** Tests that a search finds each document as it was written, until the document is replaced or removed. */
export function writingContract(test: IndexTest): void {
  test('returns documents as they were written', async ({ write, page }) => {
    const document = documentOf(7, 'The quick "brown" fox\n<b>jumps</b> \\o/ 🦊', { key: 'content.topic' });
    await write({ upserts: [document] });
    const { hits, count, next } = await page('quick');
    assert.equal(hits.length, 1);
    const { rank, ...found } = hits[0] ?? { rank: 0 };
    assert.deepEqual(found, document);
    assert.equal(typeof rank, 'number');
    assert.equal(count, 1);
    assert.equal(next, undefined);
  });

  test('replaces a document of the same event', async ({ write, find }) => {
    await write({ upserts: [documentOf(1, 'first wording'), documentOf(2, 'bystander wording')] });
    await write({ upserts: [documentOf(1, 'second wording')] });
    assert.deepEqual(await find('first'), []);
    assert.deepEqual(textsOf(await find('wording')), ['bystander wording', 'second wording']);
  });

  test('keeps one document if the same document is written again', async ({ write, find }) => {
    for (let i = 0; i < 3; i++) await write({ upserts: [documentOf(1, 'echo')] });
    assert.deepEqual(idsOf(await find('echo')), [eventIdOf(1)]);
  });

  test('removes documents, and ignores unknown ones', async ({ write, find }) => {
    await write({ upserts: [documentOf(1, 'apple pie'), documentOf(2, 'apple juice')] });
    await write({ removals: [eventIdOf(1), eventIdOf(99)] });
    assert.deepEqual(textsOf(await find('apple')), ['apple juice']);
  });

  test('removes all documents of rooms', async ({ write, find }) => {
    const rooms = [ROOM, OTHER_ROOM];
    await write({
      upserts: [
        documentOf(1, 'secret plan'),
        documentOf(2, 'secret plot'),
        documentOf(3, 'secret recipe', { roomId: OTHER_ROOM }),
      ],
    });
    await write({ removedRooms: [ROOM] });
    assert.deepEqual(textsOf(await find('secret', { rooms })), ['secret recipe']);
  });

  test('removes a room step by step, and keeps others', async ({ write, find, index, transaction, changesOf }) => {
    const rooms = [ROOM, OTHER_ROOM];
    const ours = Array.from({ length: 5 }, (_, i) => documentOf(i + 1, 'secret plan'));
    await write({ upserts: [...ours, documentOf(6, 'secret recipe', { roomId: OTHER_ROOM })] });
    let steps = 0;
    let removed = 2;
    while (removed >= 2) {
      removed = await transaction((trx) => index.removeRoom(ROOM, 2, changesOf({}).version, trx));
      assert.ok(removed <= 2);
      steps += 1;
    }
    assert.equal(steps, index.transactional ? 3 : 1);
    assert.deepEqual(textsOf(await find('secret', { rooms })), ['secret recipe']);
    assert.equal(await transaction((trx) => index.removeRoom(ROOM, 2, changesOf({}).version, trx)), 0);
  });

  test('accepts an empty write', async ({ write, find }) => {
    await write({});
    assert.deepEqual(await find('anything'), []);
  });

  test('counts its documents', async ({ write, index }) => {
    assert.equal((await index.stats()).documents, 0);
    await write({ upserts: [documentOf(1, 'one'), documentOf(2, 'two')] });
    const { documents, bytes } = await index.stats();
    assert.equal(documents, 2);
    assert.ok(bytes > 0);
  });
}
