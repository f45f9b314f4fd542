import type { MediaKey } from '../../matrix/media-uris.ts';

/** Returns the bindings for `unnest(CAST(:origins AS text[]), CAST(:mediaIds AS text[]))`. */
export const mediaKeyBindings = (
  keys: readonly MediaKey[],
): { readonly origins: string[]; readonly mediaIds: string[] } => ({
  origins: keys.map(({ origin }) => origin),
  mediaIds: keys.map(({ mediaId }) => mediaId),
});
