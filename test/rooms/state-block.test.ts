import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockOf,
  compareEntries,
  findInBlock,
  mergeBlocks,
  type StateBlock,
  type StateEntry,
} from '../../src/rooms/state-block.ts';
import { finished } from '../support/finished.ts';

const nid = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(2 ** 40 + 1));
/** Generates the entries of a block in any order. Each key occurs once. */
const entries = fc.uniqueArray(fc.record({ typeNid: nid, stateKeyNid: nid, eventNid: fc.nat() }), {
  selector: ({ typeNid, stateKeyNid }) => `${typeNid} ${stateKeyNid}`,
});
const blockIn = (all: readonly StateEntry[]): StateBlock => finished(blockOf(1, all.toSorted(compareEntries)));

describe('blocks of state', () => {
  it('find exactly their own entries', () => {
    fc.assert(
      fc.property(entries, fc.record({ typeNid: nid, stateKeyNid: nid }), (all, { typeNid, stateKeyNid }) => {
        const expected = all.find((entry) => entry.typeNid === typeNid && entry.stateKeyNid === stateKeyNid);
        expect(findInBlock(blockIn(all), typeNid, stateKeyNid)).toBe(expected?.eventNid);
      }),
    );
  });

  it('merge into a block in which the last event of each key counts', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 5 }), (blocks) => {
        const last = new Map(
          blocks.flat().map(({ typeNid, stateKeyNid, eventNid }) => [`${typeNid} ${stateKeyNid}`, eventNid]),
        );
        const merged = finished(mergeBlocks(7, blocks.map(blockIn)));
        expect(merged.nid).toBe(7);
        expect(merged.eventNids).toHaveLength(last.size);
        for (const [key, eventNid] of last) {
          const [typeNid = 0, stateKeyNid = 0] = key.split(' ').map(Number);
          expect(findInBlock(merged, typeNid, stateKeyNid)).toBe(eventNid);
        }
      }),
    );
  });
});
