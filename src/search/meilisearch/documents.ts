import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EventId, RoomId, UserId } from '../../ids.ts';
import type { SearchAnalysis } from '../analysis/analysis.ts';
import type { SearchDocument, SearchKey } from '../search-index.ts';
import { engineWordsOf } from './words.ts';

/**
 * Encodes an event id as a document id. Meilisearch allows fewer characters in document ids than Matrix in event ids, so the
 * document id is in base64url. A document id has at most 340 characters.
 */
export function documentId(eventId: EventId): string {
  return Buffer.from(eventId, 'utf8').toString('base64url');
}

/**
 * Returns the value by which the index filters documents of a room. Meilisearch's filters ignore case and Unicode forms and cut
 * long values, so two different room ids could count as equal. A hash of the room id prevents this.
 */
export function roomKey(roomId: RoomId): string {
  return `r${createHash('sha256').update(roomId).digest('hex')}`;
}

/** Writes a document as one line of NDJSON. */
export function lineOf(document: SearchDocument, analysis: SearchAnalysis): string {
  // The values must be well-formed. A lone surrogate would make Meilisearch fail on all documents that it processes together
  // with this one.
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

/**
 * Reads a document that Meilisearch has returned. @throws ZodError if the document lacks a field or has a field of a wrong type
 */
export function parseHit(hit: unknown): SearchDocument {
  const { event_id, room_id, sender, stream, key, body } = hitSchema.parse(hit);
  return { eventId: event_id, roomId: room_id, sender, streamPosition: stream, key, text: body };
}
