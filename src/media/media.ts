import type { Knex } from 'knex';
import { LRUCache } from 'lru-cache';
import type { ServerName } from '../ids.ts';
import { type MediaKey, mediaUri } from '../matrix/media-uris.ts';
import { type Db, lockMediaFiles } from '../storage/database.ts';
import { isQuarantined } from '../storage/plugin/media-standings.ts';

/** Time for which an answer is cached, in ms. A change by another process takes effect after at most this time. */
const FRESH_MS = 2_000;
const CACHED_MEDIA = 10_000;

/** What the homeserver asks before it serves or fetches a media. */
export interface MediaStanding {
  /** The homeserver answers as if the media did not exist. */
  readonly quarantined: boolean;
}

/** `admin.media`: the homeserver's media repository calls these. */
export interface Media {
  /** Whether a media is quarantined. Ask it before a media of any server is served, and before one is fetched. */
  readonly check: (origin: ServerName, mediaId: string) => Promise<MediaStanding>;
  /**
   * Locks a file until the end of the transaction, so that the plugin does not remove the file. The homeserver takes the lock in
   * the transaction that stores a row of a media or of a thumbnail, before it looks whether the file exists.
   * @param hash Dendrite's `base64hash` of the content
   */
  readonly lock: (hash: string, options: { readonly transaction: Knex.Transaction }) => Promise<void>;
}

/** A cache of quarantines. */
export interface MediaStandings extends Pick<Media, 'check'> {
  /** Drops everything from the cache. Call it after the commit of a change: a quarantine may cover media of other ids. */
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
