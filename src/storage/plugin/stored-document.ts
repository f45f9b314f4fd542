import type { EventId, RoomId, UserId } from '../../ids.ts';

/** The indexed field of an event, as named in `keys` of `POST /_matrix/client/v3/search`. */
export type SearchKey = 'content.body' | 'content.name' | 'content.topic';

/** A searchable event. A document with the same event id replaces an earlier one. */
export interface SearchDocument {
  readonly eventId: EventId;
  readonly roomId: RoomId;
  readonly sender: UserId;
  /** `syncapi_output_room_events.id`. Larger is newer. */
  readonly streamPosition: number;
  readonly key: SearchKey;
  /** Well-formed and without NUL. At most `MAX_TEXT_LENGTH` UTF-16 code units. */
  readonly text: string;
}

export type SearchOrder = 'recent' | 'rank';

export interface SearchHit extends SearchDocument {
  readonly rank: number;
}

/** A rebuild under way. */
export interface RebuildRef {
  /** The job's id. It is part of the shadow's name. */
  readonly id: string;
  /** The return value of `begin`. After a lost answer, it distinguishes the shadow's content from the old content. */
  readonly marker: string;
}
