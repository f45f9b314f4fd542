import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import type { RoomId, UserId } from '../index.ts';
import { splitUserId } from '../matrix/index.ts';
import { SAMPLE_LANGUAGES, type SampleLanguage } from './sample-texts.ts';

export interface SampleRoom {
  readonly roomId: RoomId;
  readonly senders: readonly [UserId, ...UserId[]];
}

export interface SampleEventOptions {
  readonly count: number;
  readonly rooms: readonly [SampleRoom, ...SampleRoom[]];
  /** Seed of the random numbers. The same seed creates the same event ids, so use each seed only once in a database. */
  readonly seed: number;
}

type Random = () => number;

const ROWS_PER_INSERT = 5_000;
/** Time of the first message: 2025-01-01, in ms since the epoch. The next messages follow at intervals of `INTERVAL_MS`. */
const FIRST_TIMESTAMP = 1_735_689_600_000;
const INTERVAL_MS = 20_000;

/**
 * Creates a function that returns pseudo-random numbers from 0 up to, but not including, 1, with a linear congruential
 * generator.
 */
function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function pick<Item>(items: readonly [Item, ...Item[]], random: Random): Item {
  return items[Math.floor(random() * items.length)] ?? items[0];
}

function languageOf(random: Random): SampleLanguage {
  let left = random() * 100;
  return SAMPLE_LANGUAGES.find(({ share }) => (left -= share) < 0) ?? SAMPLE_LANGUAGES[0];
}

/**
 * Makes a text of one to eight sentences in one language. Most texts have one or two sentences. One sentence in five ends with
 * a number.
 */
export function textOf(random: Random): string {
  const language = languageOf(random);
  const sentences = Math.min(Math.ceil(-Math.log(1 - random()) * 1.2) || 1, 8);
  return Array.from({ length: sentences }, () => {
    const parts = language.parts.map((part) => part[Math.floor(random() * part.length)]);
    const number = random() < 0.2 ? ` ${Math.floor(random() * 100_000)}` : '';
    return parts.join(language.space) + number + language.stop;
  })
    .join('')
    .trim();
}

/**
 * Makes the JSON of an event, about as long as in Dendrite. The auth events, the previous event, the hashes and the signature
 * are invented, because `/search` does not read these fields.
 */
function eventJson(
  index: number,
  body: string,
  { roomId }: SampleRoom,
  sender: UserId,
  ids: readonly string[],
): string {
  const [eventId = '', previousId = '', hash = ''] = ids;
  const { serverName } = splitUserId(sender);
  return JSON.stringify({
    auth_events: [`$create${hash}`.slice(0, 44), `$power${hash}`.slice(0, 44), `$member${hash}`.slice(0, 44)],
    content: { body, msgtype: 'm.text' },
    depth: index + 1,
    hashes: { sha256: hash },
    origin: serverName,
    origin_server_ts: FIRST_TIMESTAMP + index * INTERVAL_MS,
    prev_events: [previousId],
    room_id: roomId,
    sender,
    signatures: { [serverName]: { 'ed25519:sample': hash + hash } },
    type: 'm.room.message',
    _room_version: '10',
    _event_id: eventId,
  });
}

/** Makes an event id that depends only on the seed and the index. */
const idOf = (seed: number, index: number): string =>
  `$${createHash('sha256').update(`${seed}/${index}`).digest('base64url')}`;

/**
 * Fills rooms with messages in seven languages. Writes only to the table `syncapi_output_room_events`, which is enough for
 * `/search` and for filling the search index. Calls with the same options create the same rows.
 */
export async function generateSampleEvents(db: Knex, { count, rooms, seed }: SampleEventOptions): Promise<void> {
  const random = createRandom(seed);
  for (let start = 0; start < count; start += ROWS_PER_INSERT) {
    const columns: [ids: string[], roomIds: string[], senders: string[], json: string[]] = [[], [], [], []];
    for (let index = start; index < Math.min(start + ROWS_PER_INSERT, count); index++) {
      const room = pick(rooms, random);
      const sender = pick(room.senders, random);
      const id = idOf(seed, index);
      columns[0].push(id);
      columns[1].push(room.roomId);
      columns[2].push(sender);
      columns[3].push(eventJson(index, textOf(random), room, sender, [id, idOf(seed, index - 1), id.slice(1)]));
    }
    await db.raw(
      `INSERT INTO public.syncapi_output_room_events (event_id, room_id, sender, headered_event_json, type, contains_url)
       SELECT *, 'm.room.message', false FROM unnest(?::text[], ?::text[], ?::text[], ?::text[])`,
      columns,
    );
  }
}
