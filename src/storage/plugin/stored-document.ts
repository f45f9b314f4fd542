import type { EventId, RoomId, UserId } from '../../ids.ts';

/** The indexed field of an event, as the specification names it in `keys` of `POST /_matrix/client/v3/search`. */
export type SearchKey = 'content.body' | 'content.name' | 'content.topic';

/** The entry of one event in the search index. It replaces an earlier document with the same event id. */
export interface SearchDocument {
  readonly eventId: EventId;
  readonly roomId: RoomId;
  readonly sender: UserId;
  /** `syncapi_output_room_events.id`. A newer event has a larger position. */
  readonly streamPosition: number;
  readonly key: SearchKey;
  /** The indexed text. It is well-formed Unicode without NUL, and has at most `MAX_TEXT_LENGTH` UTF-16 code units. */
  readonly text: string;
}

export type SearchOrder = 'recent' | 'rank';

export interface SearchHit extends SearchDocument {
  readonly rank: number;
}

/** A rebuild of the search index that is running. */
export interface RebuildRef {
  /** The id of the rebuild's job. It is part of the name of the new index. */
  readonly id: string;
  /**
   * The return value of `SearchRebuild.begin()`. The marker identifies the content of the new index. The search engine may swap
   * the indexes without the plugin receiving its answer. Then the marker shows whether the index has the new or the old
   * content.
   */
  readonly marker: string;
}
