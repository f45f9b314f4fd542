import type { Knex } from 'knex';
import { z } from 'zod';
import { type ChainSettings, enterRoom, fetchState } from '../../homeserver/index.ts';
import {
  FederationError,
  MatrixError,
  type RoomId,
  type ServerName,
  type SigningKey,
  type UserId,
} from '../../index.ts';
import { checkEvent, completeEvent, roomVersionOf, splitUserId } from '../../matrix/index.ts';
import type { AskServer } from './federation-client.ts';
import { checkAnswer, uriOf } from './questions.ts';
import type { VerifyKeys } from './server-keys.ts';

export interface JoinSettings {
  readonly db: Knex;
  readonly ask: AskServer;
  readonly verifyKeys: VerifyKeys;
  readonly signingKeys: readonly SigningKey[];
  readonly chain: ChainSettings;
}

export interface RemoteJoin {
  readonly roomId: RoomId;
  readonly userId: UserId;
  /** Servers through which the user may join. The homeserver tries them in this order, until a join succeeds. */
  readonly via: readonly ServerName[];
}

const object = z.record(z.string(), z.unknown());
const templateSchema = z.object({ event: object, room_version: z.string().default('1') });
const joinedSchema = z.object({ state: z.array(object), auth_chain: z.array(object) });

const KNOWN_VERSIONS = Array.from({ length: 12 }, (_, i) => `ver=${i + 1}`).join('&');
const LIMIT_MS = 60_000;
/** Maximum size of an answer, in bytes. This is enough for the state of a room with 100,000 members. */
const MAX_BYTES = 256 * 1_048_576;

/**
 * Joins a user to a room through another server that is in the room. Source: Server-Server API, "Joining Rooms".
 * @throws MatrixError `M_NOT_FOUND` if `via` is empty. If the join has failed through every server, the failure of the last
 * server decides: `M_FORBIDDEN` if its status was 403, otherwise `M_UNKNOWN` with status 502.
 */
export async function joinRemoteRoom(settings: JoinSettings, { roomId, userId, via }: RemoteJoin): Promise<void> {
  let last: FederationError | undefined;
  for (const destination of via) {
    try {
      await joinThrough(settings, roomId, userId, destination);
      return;
    } catch (error) {
      if (!(error instanceof FederationError)) throw error;
      last = error;
    }
  }
  if (last === undefined) throw new MatrixError('M_NOT_FOUND', 'No server in the room is known');
  if (last.status === 403) throw new MatrixError('M_FORBIDDEN', last.message);
  throw new MatrixError('M_UNKNOWN', last.message, { status: 502 });
}

async function joinThrough(
  { db, ask, verifyKeys, signingKeys, chain }: JoinSettings,
  roomId: RoomId,
  userId: UserId,
  destination: ServerName,
): Promise<void> {
  const { serverName: origin } = splitUserId(userId);
  const key = signingKeys.find(({ serverName }) => serverName === origin);
  if (key === undefined) throw new Error(`there is no signing key for ${origin}`);
  const options = { signal: AbortSignal.timeout(LIMIT_MS), maxBytes: MAX_BYTES };
  const makeUri = `${uriOf('v1', 'make_join', roomId, userId)}?${KNOWN_VERSIONS}`;
  const made = await ask({ origin, destination, method: 'GET', uri: makeUri }, options);
  const template = checkAnswer(templateSchema, made, destination);
  const version = roomVersionOf(template.room_version);
  const content = { membership: 'join' };
  const own = { type: 'm.room.member', room_id: roomId, sender: userId, state_key: userId, content };
  const { eventId, event } = completeEvent(template.event, own, version, key, Date.now());
  const join = checkEvent(event, roomId, version);
  if (join === undefined) throw new FederationError('bad_answer', `${destination} returned no template for a join`);
  const sendUri = uriOf('v2', 'send_join', roomId, eventId);
  const sent = await ask({ origin, destination, method: 'PUT', uri: sendUri, content: event }, options);
  const { state, auth_chain: authChain } = checkAnswer(joinedSchema, sent, destination);
  const source = { wake: () => {}, verifyKeys, lookupState: async () => ({ state, authChain }) };
  const question = { roomId, version, eventIds: [eventId], origin, destination };
  const downloaded = await fetchState(source, question, { requestSignal: () => options.signal });
  await db.transaction((transaction) =>
    enterRoom(transaction, { roomId, version: template.room_version, downloaded, join }, chain),
  );
}
