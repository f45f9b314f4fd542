import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EventId, RoomId, UserId } from '../../ids.ts';
import type { SearchAnalysis } from '../analysis/analysis.ts';
import type { Line } from '../payloads.ts';
import type { SearchDocument, SearchKey } from '../search-index.ts';
import { lexemesFieldOf } from './lexemes.ts';

/**
 * Returns the value by which the index filters documents of a room. The value is short, so that requests with many rooms are
 * short.
 */
export function roomKey(roomId: RoomId): string {
  return createHash('sha256').update(roomId).digest('base64url').slice(0, 16);
}

/** Returns a number from the event id. Searches sort documents with the same stream position by this number. */
function tieOf(eventId: EventId): number {
  return createHash('sha256').update(eventId).digest().readUIntBE(0, 6);
}

/**
 * Writes the two lines of a bulk request that add a document. OpenSearch ignores the lines if it has the same or a later
 * version of the document. The event id decides in which shard the document is, so a removal needs no more than the event id.
 */
export function additionOf(document: SearchDocument, version: number, analysis: SearchAnalysis): Line {
  const { eventId, roomId, sender, streamPosition, key, text } = document;
  const source = {
    room: roomKey(roomId),
    key,
    stream: streamPosition,
    tie: tieOf(eventId),
    room_id: roomId,
    sender,
    body: text,
    lexemes: lexemesFieldOf(text, analysis),
  };
  return { eventId, text: `${actionOf('index', eventId, version)}${JSON.stringify(source)}\n` };
}

/** Writes the line of a bulk request that removes the document of an event. */
export function removalOf(eventId: EventId, version: number): Line {
  return { eventId, text: actionOf('delete', eventId, version) };
}

const actionOf = (action: 'index' | 'delete', eventId: EventId, version: number): string =>
  `${JSON.stringify({ [action]: { _id: eventId, version, version_type: 'external' } })}\n`;

const text = <T extends string>(): z.ZodType<T> => z.custom<T>((value) => typeof value === 'string');

const hitSchema = z.object({
  _id: text<EventId>(),
  _score: z.number().nullish(),
  sort: z.array(z.number()),
  _source: z.object({
    room_id: text<RoomId>(),
    sender: text<UserId>(),
    stream: z.number(),
    key: text<SearchKey>(),
    body: z.string(),
  }),
});

export const hitsSchema = z.object({
  hits: z.object({ total: z.object({ value: z.number() }).optional(), hits: z.array(hitSchema) }),
});

/** Makes a document from a hit of OpenSearch. */
export function documentOf({ _id, _source }: z.output<typeof hitSchema>): SearchDocument {
  const { room_id, sender, stream, key, body } = _source;
  return { eventId: _id, roomId: room_id, sender, streamPosition: stream, key, text: body };
}

/** The order of hits without scores, and of hits with the same score. `tie` orders hits with the same stream position. */
export const NEWEST_FIRST = [{ stream: 'desc' }, { tie: 'desc' }] as const;
/**
 * The option that makes OpenSearch answer with an error, instead of a part of the hits, if a search does not reach all shards.
 */
export const WHOLE = { allow_partial_search_results: false } as const;
