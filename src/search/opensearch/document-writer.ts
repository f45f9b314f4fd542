import { z } from 'zod';
import type { EventId, RoomId } from '../../ids.ts';
import { inSlices } from '../../in-slices.ts';
import type { SearchMetrics } from '../../metrics.ts';
import type { SearchAnalysis } from '../analysis/analysis.ts';
import { EngineError } from '../engine-error.ts';
import { chunksOf, type Line } from '../payloads.ts';
import { PATIENT } from '../retry.ts';
import type { SearchDocument, SearchWrites } from '../search-index.ts';
import type { SendBulk } from './bulk.ts';
import { ENGINE, type EngineClient } from './client.ts';
import { additionOf, NEWEST_FIRST, removalOf, roomKey, WHOLE } from './documents.ts';

/** Maximum number of rooms whose documents are removed together. */
const ROOMS_AT_ONCE = 1_000;
/** Maximum number of documents whose ids a removal of rooms reads in one request. */
const READ_AT_ONCE = 5_000;
/** How long OpenSearch keeps a point in time, which is a frozen view of an index, between two requests. */
const KEEP_ALIVE = '5m';

const pointSchema = z.object({ pit_id: z.string() });
const foundSchema = z.object({
  hits: z.object({
    hits: z.array(
      z.object({
        _id: z.custom<EventId>((value) => typeof value === 'string'),
        sort: z.array(z.number()),
        _source: z.object({ room_id: z.string() }),
      }),
    ),
  }),
});
const refreshSchema = z.object({ _shards: z.object({ failed: z.number() }) });

export interface DocumentWriter {
  /** Adds or replaces documents in the index behind an alias. Returns when OpenSearch has stored them durably. */
  readonly add: (alias: string, documents: readonly SearchDocument[], version: number) => Promise<void>;
  /** Applies changes to the index behind an alias. Returns when searches see all of them. */
  readonly write: (alias: string, writes: SearchWrites) => Promise<void>;
  /** Makes all earlier changes visible to searches. */
  readonly refresh: (alias: string) => Promise<void>;
}

export function createDocumentWriter(
  client: EngineClient,
  bulk: SendBulk,
  analysis: SearchAnalysis,
  metrics: SearchMetrics,
): DocumentWriter {
  const refresh = (alias: string): Promise<void> =>
    client.retry(PATIENT, async () => {
      const answer = await client.send({ method: 'POST', path: `/${alias}/_refresh` }, PATIENT);
      const { _shards: shards } = refreshSchema.parse(answer);
      if (shards.failed === 0) return;
      throw new EngineError('status', `${shards.failed} shards did not refresh`, { status: 503 });
    });

  /**
   * Removes the documents of rooms: reads their ids with several requests, and sends a bulk request after each. Each removal
   * has a version, so a late write with a lower version does not bring a document back. A point in time shows the same
   * documents to all requests, whichever copies of the shards answer.
   */
  const removeRooms = async (alias: string, rooms: readonly RoomId[], version: number): Promise<void> => {
    await refresh(alias);
    const wanted = new Set<string>(rooms);
    const path = `/${alias}/_search/point_in_time`;
    const point = await client.send({ method: 'POST', path, querystring: { keep_alive: KEEP_ALIVE } }, PATIENT);
    const { pit_id } = pointSchema.parse(point);
    try {
      for (let after: readonly number[] | undefined; ; ) {
        const body = {
          size: READ_AT_ONCE,
          pit: { id: pit_id, keep_alive: KEEP_ALIVE },
          query: { bool: { filter: [{ terms: { room: rooms.map(roomKey) } }] } },
          sort: NEWEST_FIRST,
          _source: ['room_id'],
          track_total_hits: false,
          ...(after && { search_after: after }),
        };
        const answer = await client.send({ method: 'POST', path: '/_search', querystring: WHOLE, body }, PATIENT);
        const { hits } = foundSchema.parse(answer).hits;
        const ours = hits.filter(({ _source }) => wanted.has(_source.room_id));
        await bulk(
          alias,
          ours.map(({ _id }) => removalOf(_id, version)),
        );
        after = hits.at(-1)?.sort;
        if (hits.length < READ_AT_ONCE) return;
      }
    } finally {
      await client
        .send({ method: 'DELETE', path: '/_search/point_in_time', body: { pit_id: [pit_id] } })
        .catch(() => undefined);
    }
  };

  const add = async (
    alias: string,
    documents: readonly SearchDocument[],
    version: number,
    removals: readonly EventId[] = [],
  ): Promise<void> => {
    const newest = new Map(documents.map((document) => [document.eventId, document]));
    const additions = await inSlices(linesOf([...newest.values()], version, analysis));
    await bulk(alias, [...removals.map((eventId) => removalOf(eventId, version)), ...additions]);
    metrics.searchDocumentsIndexed.inc({ engine: ENGINE }, additions.length);
  };

  return {
    add,
    write: async (alias, { upserts, removals, removedRooms, version }) => {
      for (const rooms of chunksOf(removedRooms, ROOMS_AT_ONCE)) await removeRooms(alias, rooms, version);
      await add(alias, upserts, version, removals);
      await refresh(alias);
    },
    refresh,
  };
}

/**
 * Makes the lines of a bulk request that add the documents. Computing lexemes takes long. The generator therefore yields after
 * each document, so that `inSlices()` can let other work run in between.
 */
function* linesOf(
  documents: readonly SearchDocument[],
  version: number,
  analysis: SearchAnalysis,
): Generator<undefined, Line[], undefined> {
  const lines: Line[] = [];
  for (const document of documents) {
    lines.push(additionOf(document, version, analysis));
    yield;
  }
  return lines;
}
