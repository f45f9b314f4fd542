import { findMedia, type StoredMedia } from '../../storage/mediaapi/media.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { mediaIdInput, originInput, unknownMedia } from './media-input.ts';

/**
 * Shows a media that the homeserver has stored. Synapse's route is `GET /_synapse/admin/v1/media/{serverName}/{mediaId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such media
 */
export const getMedia = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The server where the media was uploaded. */
    serverName: originInput,
    /** The media's id on that server. */
    mediaId: mediaIdInput,
  }),
  run: async ({ db }, { serverName: origin, mediaId }): Promise<StoredMedia> => {
    const media = await findMedia(db, { origin, mediaId });
    if (media === undefined) throw unknownMedia();
    return media;
  },
});
