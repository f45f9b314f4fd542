import { mediaNamedIn, mediaUri } from '../../matrix/media-uris.ts';
import { EVERYWHERE, type MediaPlace, readNamings } from '../../storage/media-names.ts';
import {
  findMedia,
  listSharers,
  listThumbnails,
  type StoredMedia,
  type StoredThumbnail,
} from '../../storage/mediaapi/media.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { mediaIdInput, originInput, unknownMedia } from './media-input.ts';

/** Maximum number of uses in an answer. */
const MAX_USES = 1_000;

/** A media, and what refers to it. */
export interface MediaUses {
  readonly media: StoredMedia;
  readonly thumbnails: readonly StoredThumbnail[];
  /** URIs of other media with the same content, which share the file. */
  readonly sameContent: readonly string[];
  /** The events, invites, profiles and account data that refer to the media, at most 1,000. */
  readonly uses: readonly MediaPlace[];
  /** Whether the media has more uses than `uses` lists. */
  readonly hasMore: boolean;
}

/**
 * Shows a media with its thumbnails, other media with the same content, and the first 1,000 places that refer to the media:
 * events of all rooms, invites, profiles and account data. The list has no encrypted events, because the homeserver cannot read
 * these events. A call reads all events of the homeserver, unless it finds more than 1,000 places.
 * @throws MatrixError `M_NOT_FOUND` if there is no such media
 */
export const getMediaUses = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The server where the media was uploaded. */
    serverName: originInput,
    /** The media's id on that server. */
    mediaId: mediaIdInput,
  }),
  run: async ({ db, signal }, { serverName: origin, mediaId }): Promise<MediaUses> => {
    const key = { origin, mediaId };
    const media = await findMedia(db, key);
    if (media === undefined) throw unknownMedia();
    const uses: MediaPlace[] = [];
    for await (const namings of readNamings(() => db, EVERYWHERE, { needle: mediaId }, signal)) {
      for (const { text, place } of namings) if (mediaNamedIn(text).has(mediaUri(key))) uses.push(place);
      if (uses.length > MAX_USES) break;
    }
    return {
      media,
      thumbnails: await listThumbnails(db, key),
      sameContent: (await listSharers(db, media)).map(mediaUri),
      uses: uses.slice(0, MAX_USES),
      hasMore: uses.length > MAX_USES,
    };
  },
});
