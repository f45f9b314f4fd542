import { readAccountData, type ToDeviceMessage, takeToDevice } from '../storage/sync-extras.ts';
import { takesType } from './filter.ts';
import { isBeyond, type SyncPosition, tokenOf } from './position.ts';
import type { SyncRequest } from './sync-request.ts';
import { readSyncRooms, type SyncContext } from './sync-rooms.ts';

/** One answer of `/sync`. */
export interface SyncAnswer {
  readonly body: Readonly<Record<string, unknown>>;
  /** Whether the answer has nothing new for the client. */
  readonly isEmpty: boolean;
  /** The position of `next_batch`. */
  readonly position: SyncPosition;
}

/** Maximum number of to-device messages in an answer. */
const TO_DEVICE_LIMIT = 100;

/**
 * Reads what is new for the client between its position `since` and the position `upTo`. Without `since`, reads the present
 * state of everything. Deletes the to-device messages up to `since`, because the client has received them. Source:
 * Client-Server API, "Syncing".
 */
export async function readSyncAnswer(context: SyncContext, request: SyncRequest): Promise<SyncAnswer> {
  const { db } = context;
  const { device, filter, since, upTo } = request;
  if (since !== undefined && !request.fullState && !isBeyond(upTo, since)) {
    return { body: { next_batch: tokenOf(upTo) }, isEmpty: true, position: upTo };
  }
  const accountData = await readAccountData(db, device.userId, since?.stream, upTo.stream);
  const global = accountData.filter(({ roomId, type }) => roomId === '' && takesType(filter.account_data, type));
  const { sections, deviceLists } = await readSyncRooms(context, request, accountData);
  const range = { received: since?.toDevice ?? 0, upTo: upTo.toDevice, limit: TO_DEVICE_LIMIT };
  const messages = await takeToDevice(db, device, range);
  const position = { ...upTo, toDevice: lastOf(messages) ?? upTo.toDevice };
  const hasRooms = Object.values(sections).some((section) => Object.keys(section).length > 0);
  const hasMore = [global, messages, deviceLists.changed, deviceLists.left].some(({ length }) => length > 0);
  return {
    body: {
      next_batch: tokenOf(position),
      rooms: sections,
      account_data: { events: global.map(({ type, content }) => ({ type, content })) },
      to_device: { events: messages.map(({ message }) => message) },
      device_lists: deviceLists,
    },
    isEmpty: !hasRooms && !hasMore,
    position,
  };
}

/**
 * Returns the position of the last message if the answer has as many messages as allowed. The next answer must then start after
 * this message, because there may be more messages. Returns `undefined` if the answer has fewer messages.
 */
const lastOf = (messages: readonly ToDeviceMessage[]): number | undefined =>
  messages.length < TO_DEVICE_LIMIT ? undefined : messages.at(-1)?.position;
