import { isServerName, type ServerName } from '../ids.ts';
import { isRecord, toJson } from '../json.ts';

/** The parts of an `mxc://` URI. Source: Client-Server API, "Matrix Content (mxc://) URIs". */
export interface MediaKey {
  /** The server where the media was uploaded. */
  readonly origin: ServerName;
  readonly mediaId: string;
}

/** Matches a media id. Allows the characters that the specification allows, and `=`, which Dendrite also accepts. */
const MEDIA_ID = /^[A-Za-z0-9_=-]{1,255}$/;
const MEDIA_URI = /^mxc:\/\/([^/]+)\/([^/?#]+)(?:[?#].*)?$/s;
/** Matches an `mxc://` URI inside a JSON text, in which slashes may be escaped. */
const IN_JSON = /mxc:(?:\\?\/){2}([^/\\"\s]+)\\?\/([A-Za-z0-9_=-]{1,255})/g;

export function isMediaId(value: string): boolean {
  return MEDIA_ID.test(value);
}

/** Returns the `mxc://` URI of a media. */
export const mediaUri = ({ origin, mediaId }: MediaKey): string => `mxc://${origin}/${mediaId}`;

/** Parses an `mxc://` URI. Ignores a query and a fragment. @returns `undefined` if the value is not such a URI */
export function parseMediaUri(value: unknown): MediaKey | undefined {
  const [, origin, mediaId] = (typeof value === 'string' && MEDIA_URI.exec(value)) || [];
  if (origin === undefined || mediaId === undefined) return undefined;
  return isServerName(origin) && isMediaId(mediaId) ? { origin, mediaId } : undefined;
}

/** Tells whether a JSON text may contain escapes such as `\u002f`, which stand for ASCII characters. */
const hasEscapes = (json: string): boolean => json.includes('\\u00');

/** Returns the `mxc://` URIs of all media to which a JSON text refers anywhere, for example in the HTML of a message. */
export function mediaNamedIn(json: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [, origin = '', mediaId = ''] of plainJson(json).matchAll(IN_JSON)) {
    if (isServerName(origin)) found.add(mediaUri({ origin, mediaId }));
  }
  return found;
}

function plainJson(json: string): string {
  if (!hasEscapes(json)) return json;
  const value = parse(json);
  return value === undefined ? json : toJson(value);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/**
 * Returns the media that an event uses: files and pictures of messages and stickers, their thumbnails, and avatars of rooms and
 * members. For an edit, the new content counts too. Source: Client-Server API, "m.room.message msgtypes", "m.sticker",
 * "m.room.avatar" and "m.room.member".
 * @param json the event's JSON text
 */
export function mediaOfEvent(json: string): readonly MediaKey[] {
  const event = parse(json);
  const content = isRecord(event) && isRecord(event.content) ? event.content : {};
  const replaced = content['m.new_content'];
  const uris = [content, ...(isRecord(replaced) ? [replaced] : [])].flatMap(urisOfContent);
  const keys = uris.map(parseMediaUri).filter((key) => key !== undefined);
  return [...new Map(keys.map((key) => [mediaUri(key), key])).values()];
}

function urisOfContent({ url, file, info, avatar_url: avatar }: Record<string, unknown>): unknown[] {
  const { thumbnail_url: thumbnail, thumbnail_file: encrypted } = isRecord(info) ? info : {};
  return [url, avatar, thumbnail, ...[file, encrypted].map((part) => (isRecord(part) ? part.url : undefined))];
}
