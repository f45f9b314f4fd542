import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EventId, RoomId, UserId } from '../../ids.ts';
import type { SearchAnalysis } from '../analysis/analysis.ts';
import type { SearchDocument, SearchKey } from '../search-index.ts';
import { engineWordsOf } from './words.ts';

/**
 * Encodes an event id as a document id. Document ids allow fewer characters, so the id is in base64url: at most 340
 * characters.
 */
export function documentId(eventId: EventId): string {
  return Buffer.from(eventId, 'utf8').toString('base64url');
}

/**
 * The filter value of a room. Meilisearch's string filters ignore case and Unicode forms, and cut long values, so two room
 * ids could look equal. A hash of the room id keeps them apart.
 */
export function roomKey(roomId: RoomId): string {
  return `r${createHash('sha256').update(roomId).digest('hex')}`;
}

/** A document as one line of NDJSON. */
export function lineOf(document: SearchDocument, analysis: SearchAnalysis): string {
  // A lone surrogate would make every document of the engine's batch fail.
  return JSON.stringify({
    id: documentId(document.eventId),
    event_id: document.eventId.toWellFormed(),
    room_id: document.roomId.toWellFormed(),
    room_key: roomKey(document.roomId),
    sender: document.sender.toWellFormed(),
    stream: document.streamPosition,
    key: document.key,
    body: document.text.toWellFormed(),
    lexemes: engineWordsOf(document.text.toWellFormed(), analysis),
  });
}

const text = <T extends string>(): z.ZodType<T> => z.custom<T>((value) => typeof value === 'string');

const hitSchema = z.object({
  event_id: text<EventId>(),
  room_id: text<RoomId>(),
  sender: text<UserId>(),
  stream: z.number(),
  key: text<SearchKey>(),
  body: z.string(),
});

/** @throws ZodError if the document is not one that this adapter writes */
export function parseHit(hit: unknown): SearchDocument {
  const { event_id, room_id, sender, stream, key, body } = hitSchema.parse(hit);
  return { eventId: event_id, roomId: room_id, sender, streamPosition: stream, key, text: body };
}
