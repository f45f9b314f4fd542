import type { Knex } from 'knex';
import { LRUCache } from 'lru-cache';
import type { ServerName } from '../ids.ts';
import { type MediaKey, mediaUri } from '../matrix/media-uris.ts';
import { type Db, lockMediaFiles } from '../storage/database.ts';
import { isQuarantined } from '../storage/plugin/media-standings.ts';

/** Time for which an answer is cached, in ms. A change by another process takes effect after at most this time. */
const FRESH_MS = 2_000;
const CACHED_MEDIA = 10_000;

/**
 * The answer of `admin.media.check()`. The homeserver calls `check()` before it serves a media, and before it fetches one from
 * another server.
 */
export interface MediaStanding {
  /** Whether the media is quarantined. The homeserver then answers as if the media did not exist. */
  readonly quarantined: boolean;
}

/** `admin.media` of the plugin: functions that the homeserver's media repository calls. */
export interface Media {
  /**
   * Tells whether a media is quarantined. The homeserver calls `check()` before it serves a media of any server, and before it
   * fetches one from another server.
   */
  readonly check: (origin: ServerName, mediaId: string) => Promise<MediaStanding>;
  /**
   * Locks a file until the end of the transaction, so that the plugin cannot remove the file. The homeserver calls `lock()` in
   * the transaction that stores a row of a media or of a thumbnail, before it checks whether the file exists.
   * @param hash the hash of the content, as in the column `base64hash`
   */
  readonly lock: (hash: string, options: { readonly transaction: Knex.Transaction }) => Promise<void>;
}

/** A cache that knows which media are quarantined. @internal */
export interface MediaStandings extends Pick<Media, 'check'> {
  /**
   * Empties the cache. Call it after a change of quarantines has been committed. The call drops all media, because the
   * quarantine of one media also covers other media with the same content.
   */
  readonly forget: () => void;
}

export function createMediaStandings(db: Db): MediaStandings {
  const known = new LRUCache<string, Promise<boolean>>({ max: CACHED_MEDIA, ttl: FRESH_MS });
  const find = (key: MediaKey): Promise<boolean> => {
    const uri = mediaUri(key);
    const remembered = known.get(uri);
    if (remembered !== undefined) return remembered;
    const found = isQuarantined(db, key);
    known.set(uri, found);
    found.catch(() => {
      if (known.get(uri) === found) known.delete(uri);
    });
    return found;
  };
  return {
    check: async (origin, mediaId) => ({ quarantined: await find({ origin, mediaId }) }),
    forget: () => known.clear(),
  };
}

export function createMedia({ check }: MediaStandings): Media {
  return { check, lock: (hash, { transaction }) => lockMediaFiles(transaction, [hash]) };
}
