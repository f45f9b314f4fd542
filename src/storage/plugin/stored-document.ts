import type { EventId, RoomId, UserId } from '../../ids.ts';

/** Which field of an event a search document contains. The values are those of `keys` in `POST /_matrix/client/v3/search`. */
export type SearchKey = 'content.body' | 'content.name' | 'content.topic';

/** The entry of one event in the search index. The index has at most one document for each event id. */
export interface SearchDocument {
  readonly eventId: EventId;
  readonly roomId: RoomId;
  readonly sender: UserId;
  /** `id` of the event in `syncapi_output_room_events`. An event that was stored later has a higher position. */
  readonly streamPosition: number;
  readonly key: SearchKey;
  /** The indexed text. It is well-formed Unicode without NUL, and has at most 16,000 UTF-16 code units (`MAX_TEXT_LENGTH`). */
  readonly text: string;
}

/** The order of hits: the newest first, or those with the highest rank first. */
export type SearchOrder = 'recent' | 'rank';

/** A document that a search has found. */
export interface SearchHit extends SearchDocument {
  /** How well the document matches the search. A better match has a higher rank. */
  readonly rank: number;
}

/** A rebuild of the search index that is running. */
export interface RebuildRef {
  /** The id of the rebuild's job. It is part of the name of the new index. */
  readonly id: string;
  /**
   * The return value of `SearchRebuild.begin()`. The marker identifies the content of the new index. At the end of a rebuild,
   * the search engine swaps the new index with the old one. If the plugin does not receive the engine's answer, the marker
   * shows whether the engine has swapped the indexes.
   */
  readonly marker: string;
}
