import { createPublicKey } from 'node:crypto';
import {
  FederationError,
  isServerName,
  MatrixError,
  type RoomId,
  type ServerKey,
  type ServerName,
} from '../../index.ts';
import {
  type CheckedEvent,
  checkEvent,
  type EventJson,
  hasValidEventSignature,
  type RoomVersion,
  signaturesOf,
  signersOf,
} from '../../matrix/index.ts';
import type { FederationContext } from './federation-context.ts';

const KEY_LIMIT_MS = 30_000;

/**
 * Checks that an event of another server is well-formed, belongs to the room, and has all required signatures. Redacts an event
 * whose content hash is wrong, and returns the event. Source: Server-Server API, "Checks performed on receipt of a PDU", checks
 * 1 to 3.
 * @throws MatrixError `M_BAD_JSON` if the event is malformed; `M_FORBIDDEN` if a signature is missing or wrong, or if its key
 * is unknown
 */
export async function verifyEvent(
  context: FederationContext,
  received: EventJson,
  roomId: RoomId,
  version: RoomVersion,
): Promise<CheckedEvent> {
  const checked = checkEvent(received, roomId, version);
  if (checked === undefined) throw new MatrixError('M_BAD_JSON', 'not an event of the room');
  for (const signer of signersOf(checked, version)) {
    const keys = isServerName(signer) ? await keysOf(context, checked, signer) : [];
    if (!keys.some((key) => hasValidEventSignature(checked.event, version, key))) {
      throw new MatrixError('M_FORBIDDEN', `the event has no valid signature of ${signer}`);
    }
  }
  return checked;
}

async function keysOf(
  { verifyKeys, serverName, signingKeys }: FederationContext,
  { event }: CheckedEvent,
  signer: ServerName,
): Promise<readonly Omit<ServerKey, 'validUntilTs'>[]> {
  const own = signingKeys.filter((key) => key.serverName === signer);
  if (own.length > 0) return own.map((key) => ({ ...key, publicKey: createPublicKey(key.privateKey) }));
  const { origin_server_ts: at } = event;
  const question = {
    origin: serverName,
    destination: signer,
    keyIds: Object.keys(signaturesOf(event, signer)),
    // The key must be valid at the time of the event. Room versions before 5 do not demand this, but the servers of such rooms
    // also sign with valid keys. So this check applies to all room versions.
    minimumValidUntilTs: typeof at === 'number' ? Math.min(at, Date.now()) : Date.now(),
  };
  try {
    return await verifyKeys(question, { signal: AbortSignal.timeout(KEY_LIMIT_MS) });
  } catch (error) {
    if (error instanceof FederationError) return [];
    throw error;
  }
}
