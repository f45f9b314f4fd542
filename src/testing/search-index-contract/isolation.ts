import assert from 'node:assert/strict';
import type { RoomId } from '../../ids.ts';
import type { SearchDocument, SearchWrites } from '../../search/search-index.ts';
import { createRandom, documentOf, type IndexTest, idsOf } from './harness.ts';

/** Number of changes in each run. The test makes `SEARCHES` searches after each change. */
const CHANGES = 20;
const SEARCHES = 4;
const ROOMS = ['!a:x.org', '!A:x.org', '!a:x.org ', '!b:x.org', '!c:y.org'] as readonly string[] as readonly RoomId[];
const WORDS = ['secret', 'budget', 'otter', 'Köln', '会議室'] as const;

type Matches = (text: string) => boolean;

/**
 * Makers of queries about one or two words. Each returns a search term, and a function that tells whether the term must find a
 * text.
 */
const QUERIES: readonly ((word: string, other: string) => readonly [term: string, Matches])[] = [
  (word) => [word, (text) => text.includes(word)],
  (word) => [`"${word}"`, (text) => text.includes(word)],
  (word, other) => [`${word} OR ${other}`, (text) => text.includes(word) || text.includes(other)],
  (word, other) => [`${word} -${other}`, (text) => text.includes(word) && !text.includes(other)],
  (word, other) => [`${word} ${other}`, (text) => text.includes(word) && text.includes(other)],
];
/**
 * Search terms that try to reach other rooms. The terms share no word with the messages of this test, so a search for them must
 * find nothing.
 */
const ESCAPES = [
  "' OR 1=1 OR room_id='!b:x.org'; --",
  '") OR room_id:* OR ("',
  'room IN [!b:x.org, !c:y.org] OR room EXISTS',
  '{"match_all":{}}',
  '-x OR !b:x.org',
] as const;

/**
 * Tests that a search finds exactly the matching documents of the given rooms. Between the searches, the test makes random
 * changes: those of new messages, redactions, edits and rooms that become encrypted.
 * @param runs number of random series of changes
 */
export function isolationContract(test: IndexTest, runs: number): void {
  test('finds only what is in the given rooms, through redactions, edits and encryption', async ({ write, page }) => {
    for (let run = 1; run <= runs; run += 1) {
      const random = createRandom(run);
      const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
      const stored = new Map<string, SearchDocument>();
      const encrypted = new Set<RoomId>();
      let position = 0;
      const make = (roomId: RoomId): SearchDocument => {
        position += 1;
        return documentOf(position, `${pick(WORDS)}, ${pick(WORDS)}`, { roomId });
      };

      const change = (): Partial<SearchWrites> => {
        const open = ROOMS.filter((roomId) => !encrypted.has(roomId));
        const one = pick([...stored.values(), undefined]);
        const kind = random();
        if (one !== undefined && kind < 0.2) return { removals: [one.eventId] };
        if (one !== undefined && kind < 0.5) return { removals: [one.eventId], upserts: [make(one.roomId)] };
        if (kind < 0.55 && open.length > 2) {
          const roomId = pick(open);
          encrypted.add(roomId);
          return { removedRooms: [roomId] };
        }
        return { upserts: [make(pick(open)), make(pick(open))] };
      };

      await write({ removedRooms: ROOMS });
      for (let step = 0; step < CHANGES; step += 1) {
        const writes = change();
        await write(writes);
        for (const eventId of writes.removals ?? []) stored.delete(eventId);
        for (const [id, { roomId }] of stored) if (writes.removedRooms?.includes(roomId)) stored.delete(id);
        for (const document of writes.upserts ?? []) stored.set(document.eventId, document);

        for (let search = 0; search < SEARCHES; search += 1) {
          const rooms = ROOMS.filter(() => random() < 0.5);
          const [term, matches] = pick(QUERIES)(pick(WORDS), pick(WORDS));
          const { hits } = await page(term, { rooms, order: pick(['recent', 'rank']) });
          const expected = [...stored.values()].filter(({ roomId, text }) => rooms.includes(roomId) && matches(text));
          assert.deepEqual(idsOf(hits).sort(), idsOf(expected).sort(), `run ${run}, ${term} in ${rooms.join()}`);
        }
        const escape = pick(ESCAPES);
        assert.deepEqual((await page(escape, { rooms: [pick(ROOMS)] })).hits, [], `run ${run}, ${escape}`);
      }
    }
  });
}
