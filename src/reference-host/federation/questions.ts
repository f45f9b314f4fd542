import { z } from 'zod';
import { FederationError, type FederationSender, type ServerName } from '../../index.ts';
import type { AskServer } from './federation-client.ts';

type Questions = Required<Pick<FederationSender, 'makeLeave' | 'sendLeave' | 'queryDevices' | 'lookupState'>>;

const object = z.record(z.string(), z.unknown());
const leaveSchema = z.object({ event: object, room_version: z.string().default('1') });
const stateSchema = z.object({ pdus: z.array(object), auth_chain: z.array(object) });
const devicesSchema = z.object({
  user_id: z.string(),
  stream_id: z.number().int(),
  devices: z.array(
    z.object({ device_id: z.string(), device_display_name: z.string().optional(), keys: object.optional() }),
  ),
  // Dendrite returns `null` for users without cross-signing keys.
  master_key: object.nullish(),
  self_signing_key: object.nullish(),
});

/** Maximum size of an answer, in bytes. This is enough for the state of a room with 100,000 members. */
const MAX_STATE_BYTES = 256 * 1_048_576;
const STATE_LIMIT_MS = 300_000;

/** Makes a path of the Server-Server API. Percent-encodes the segments. */
export function uriOf(version: 'v1' | 'v2', ...segments: readonly string[]): string {
  return `/_matrix/federation/${version}/${segments.map(encodeURIComponent).join('/')}`;
}

/** Checks an answer against a schema, and returns it. @throws FederationError `bad_answer` that names the first wrong field */
export function checkAnswer<Schema extends z.ZodType>(
  schema: Schema,
  answer: unknown,
  destination: ServerName,
): z.output<Schema> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new FederationError('bad_answer', `the answer of ${destination} has no valid ${path}`);
}

/**
 * Tells whether an error means that a server does not know an endpoint. For example, old servers do not know version 2 of
 * `send_leave`.
 */
const knowsNot = (error: unknown): boolean =>
  error instanceof FederationError &&
  (error.errcode === 'M_UNRECOGNIZED' || (error.errcode === undefined && [404, 405].includes(error.status ?? 0)));

/** Creates functions for the requests to other servers that the plugin needs, except requests for keys. */
export function createQuestions(ask: AskServer): Questions {
  return {
    makeLeave: async ({ origin, destination, roomId, userId }, { signal }) => {
      const uri = uriOf('v1', 'make_leave', roomId, userId);
      const answer = await ask({ origin, destination, method: 'GET', uri }, { signal });
      const { event, room_version: roomVersion } = checkAnswer(leaveSchema, answer, destination);
      return { event, roomVersion };
    },
    sendLeave: async ({ origin, destination, roomId, eventId, event }, { signal }) => {
      const put = (version: 'v1' | 'v2'): Promise<unknown> =>
        ask(
          { origin, destination, method: 'PUT', uri: uriOf(version, 'send_leave', roomId, eventId), content: event },
          { signal },
        );
      try {
        await put('v2');
      } catch (error) {
        if (!knowsNot(error)) throw error;
        await put('v1');
      }
    },
    queryDevices: async ({ origin, destination, userId }, { signal }) => {
      const answer = await ask(
        { origin, destination, method: 'GET', uri: uriOf('v1', 'user', 'devices', userId) },
        { signal },
      );
      const {
        user_id: answered,
        stream_id: streamId,
        devices,
        ...keys
      } = checkAnswer(devicesSchema, answer, destination);
      if (answered !== userId) throw new FederationError('bad_answer', `${destination} answered for another user`);
      return {
        streamId,
        devices: devices.map(({ device_id: deviceId, device_display_name: displayName, keys: identityKeys }) => ({
          deviceId,
          ...(identityKeys !== undefined && { keys: identityKeys }),
          ...(displayName !== undefined && { displayName }),
        })),
        ...(keys.master_key && { masterKey: keys.master_key }),
        ...(keys.self_signing_key && { selfSigningKey: keys.self_signing_key }),
      };
    },
    lookupState: async ({ origin, destination, roomId, eventId }, { signal }) => {
      const uri = `${uriOf('v1', 'state', roomId)}?event_id=${encodeURIComponent(eventId)}`;
      const options = { signal, maxBytes: MAX_STATE_BYTES, limitMs: STATE_LIMIT_MS };
      const answer = await ask({ origin, destination, method: 'GET', uri }, options);
      const { pdus: state, auth_chain: authChain } = checkAnswer(stateSchema, answer, destination);
      return { state, authChain };
    },
  };
}
