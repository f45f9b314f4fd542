import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { RoomId } from '../../ids.ts';
import type { RebuildRef, SearchDocument } from '../../search/search-index.ts';
import { documentOf, eventIdOf, type IndexTest, ROOM, type Tested, textsOf } from './harness.ts';

const OTHER_ROOM = '!other:example.org' as RoomId;

/**
 * Tests that a rebuild fills a second index, and then replaces the live index with the second index in a single step. Also
 * tests that each call of a rebuild may be repeated, because the plugin repeats calls after an interruption.
 */
export function rebuildingContract(test: IndexTest): void {
  test('answers from the old content until the swap, then from the new', async (tested) => {
    const { write, find } = tested;
    await write({ upserts: [documentOf(1, 'old tale'), documentOf(2, 'old story')] });
    const rebuild = await begin(tested);
    await load(tested, rebuild, [documentOf(1, 'new tale')]);
    await load(tested, rebuild, [documentOf(3, 'new story')]);
    assert.deepEqual(textsOf(await find('tale')), ['old tale']);
    await tested.index.rebuild.finishLoad(rebuild);
    assert.deepEqual(await find('new'), []);
    await swap(tested, rebuild);
    assert.deepEqual(await find('old'), []);
    assert.deepEqual(textsOf(await find('new')), ['new story', 'new tale']);
  });

  test('applies writes to the second index', async (tested) => {
    const { index, find, changesOf } = tested;
    const rebuild = await begin(tested);
    await load(tested, rebuild, [
      documentOf(1, 'tale one'),
      documentOf(2, 'tale two'),
      documentOf(3, 'tale three', { roomId: OTHER_ROOM }),
    ]);
    await index.rebuild.finishLoad(rebuild);
    const changes = changesOf({
      upserts: [documentOf(1, 'tale one, edited'), documentOf(4, 'tale four')],
      removals: [eventIdOf(2)],
      removedRooms: [OTHER_ROOM],
    });
    await index.rebuild.write(rebuild, changes);
    await swap(tested, rebuild);
    const found = await find('tale', { rooms: [ROOM, OTHER_ROOM] });
    assert.deepEqual(textsOf(found), ['tale four', 'tale one, edited']);
  });

  test('can be resumed: every call may be repeated', async (tested) => {
    const { index, find, write, changesOf } = tested;
    const id = randomUUID();
    const marker = await index.rebuild.begin(id);
    await load(tested, { id, marker }, [documentOf(1, 'tale')]);
    assert.equal(await index.rebuild.begin(id), marker);
    const rebuild = { id, marker };
    for (let i = 0; i < 2; i++) await index.rebuild.finishLoad(rebuild);
    for (let i = 0; i < 2; i++) await index.rebuild.write(rebuild, changesOf({ upserts: [documentOf(2, 'tale')] }));
    for (let i = 0; i < 3; i++) await swap(tested, rebuild);
    assert.equal((await find('tale')).length, 2);
    await write({ upserts: [documentOf(3, 'tale')], removals: [eventIdOf(1)] });
    await swap(tested, rebuild);
    assert.deepEqual(
      (await find('tale')).map(({ eventId }) => eventId),
      [eventIdOf(3), eventIdOf(2)],
    );
  });

  test('leaves nothing after an abort', async (tested) => {
    const { index, find, write } = tested;
    await write({ upserts: [documentOf(1, 'old tale')] });
    const rebuild = await begin(tested);
    await load(tested, rebuild, [documentOf(2, 'new tale')]);
    for (let i = 0; i < 2; i++) await index.rebuild.abort(rebuild.id);
    await index.rebuild.abort(randomUUID());
    assert.deepEqual(textsOf(await find('tale')), ['old tale']);
    const again = { id: rebuild.id, marker: await index.rebuild.begin(rebuild.id) };
    await index.rebuild.finishLoad(again);
    await swap(tested, again);
    assert.deepEqual(await find('tale'), []);
    assert.equal((await index.stats()).documents, 0);
  });

  test('can be repeated again and again', async (tested) => {
    for (let round = 1; round <= 3; round++) {
      const rebuild = await begin(tested);
      await load(tested, rebuild, [documentOf(round, `round ${round}`)]);
      await tested.index.rebuild.finishLoad(rebuild);
      await swap(tested, rebuild);
      assert.deepEqual(textsOf(await tested.find('round')), [`round ${round}`]);
    }
  });

  test('answers every search during the swap', async (tested) => {
    await tested.write({ upserts: [documentOf(1, 'steady')] });
    const rebuild = await begin(tested);
    await load(tested, rebuild, [documentOf(1, 'steady')]);
    await tested.index.rebuild.finishLoad(rebuild);
    let swapped = false;
    const swapping = swap(tested, rebuild).finally(() => {
      swapped = true;
    });
    while (!swapped) assert.equal((await tested.find('steady')).length, 1);
    await swapping;
  });
}

async function begin({ index }: Tested): Promise<RebuildRef> {
  const id = randomUUID();
  return { id, marker: await index.rebuild.begin(id) };
}

async function load(
  { index, transaction }: Tested,
  rebuild: RebuildRef,
  documents: readonly SearchDocument[],
): Promise<void> {
  let commits = 0;
  await index.rebuild.load(rebuild, documents, async (write) => {
    commits += 1;
    await transaction(write);
  });
  assert.equal(commits, 1, 'load() commits its batch once');
}

function swap({ index, transaction }: Tested, rebuild: RebuildRef): Promise<void> {
  return transaction((trx) => index.rebuild.swap(rebuild, trx));
}
