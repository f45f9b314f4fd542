import type { Logger, Notifier } from '../host.ts';
import { isRecord } from '../json.ts';

/** The address of Dendrite, and an access token of a local account. The notifier sends events into a room of this account. */
interface DendriteSettings {
  readonly url: string;
  readonly accessToken: string;
  readonly logger: Logger;
}

/** Type of the account data in which the notifier stores the id of its room. */
const ROOM_DATA = 'org.koa_matrix_admin.position';
/** Type of the events that the notifier sends. Clients do not show events of this type. */
const EVENT_TYPE = 'org.koa_matrix_admin.position';
/** Time limit of a request, in ms. */
const LIMIT_MS = 10_000;

/**
 * Creates a notifier that makes Dendrite notice new events after a commit of the plugin. Dendrite looks for new events only
 * when Dendrite itself has written an event. So the notifier sends an event through Dendrite, into a private room of the
 * account.
 */
export function createDendriteNotifier({ url, accessToken, logger }: DendriteSettings): Notifier {
  const base = url.replace(/\/+$/, '');
  const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${base}/_matrix/client/v3/${path}`, {
      method,
      headers: { Authorization: `Bearer ${accessToken}` },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const answer: unknown = await response.json();
    if (!response.ok || !isRecord(answer)) throw new Error(`Dendrite answers ${response.status} to ${method} ${path}`);
    return answer;
  };
  const findRoom = async (): Promise<string> => {
    const userId = encodeURIComponent(String((await call('GET', 'account/whoami'))['user_id']));
    const data = `user/${userId}/account_data/${ROOM_DATA}`;
    const known = await call('GET', data).catch(() => ({ room_id: undefined }));
    const { joined_rooms: joined } = await call('GET', 'joined_rooms');
    // The account may have left the known room. Then it cannot send events into that room.
    if (typeof known.room_id === 'string' && Array.isArray(joined) && joined.includes(known.room_id))
      return known.room_id;
    const created = await call('POST', 'createRoom', { preset: 'private_chat', name: 'matrix-admin' });
    await call('PUT', data, { room_id: created['room_id'] });
    return String(created['room_id']);
  };
  let room: Promise<string> | undefined;
  const move = async (): Promise<void> => {
    try {
      room ??= findRoom();
      const path = `rooms/${encodeURIComponent(await room)}/send/${EVENT_TYPE}/${Date.now()}-${Math.random()}`;
      await call('PUT', path, {});
    } catch (error) {
      // The room may be the cause of the error, so the next call asks Dendrite for the room again.
      room = undefined;
      logger.warn(
        { error: String(error) },
        'Could not send an event through Dendrite, so its clients get new events later',
      );
    }
  };
  return { roomsChanged: move, usersChanged: () => {} };
}
