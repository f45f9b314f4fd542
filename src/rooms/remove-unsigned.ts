import type { FederationSender, ServerKey } from '../host.ts';
import { type EventId, isServerName, type ServerName } from '../ids.ts';
import { inSlices } from '../in-slices.ts';
import { type CheckedEvent, signersOf } from '../matrix/check-event.ts';
import type { RoomVersion } from '../matrix/room-version.ts';
import { findsValidEventSignature } from '../matrix/sign-event.ts';
import { signaturesOf } from '../matrix/sign-json.ts';
import { allEnded } from '../storage/database.ts';
import type { DownloadOptions, StateQuestion } from './fetch-state.ts';
import { orAborted } from './or-aborted.ts';

/**
 * Number of signatures that are verified in parallel. Verification runs in Node's thread pool, which has four threads by
 * default. Two threads remain free for the homeserver.
 */
const LANES = 2;

/** Signing keys by server name. */
type Keys = ReadonlyMap<string, readonly ServerKey[]>;

/**
 * Requests the public keys of the servers that must sign the events. Removes from `events` every event without a valid
 * signature of each server that must sign it.
 * @throws the reason of an aborted signal
 */
export async function removeUnsigned(
  events: Map<EventId, CheckedEvent>,
  federation: Required<Pick<FederationSender, 'verifyKeys'>>,
  { version, origin }: Pick<StateQuestion, 'version' | 'origin'>,
  { requestSignal, signal }: DownloadOptions,
): Promise<void> {
  const wanted = await inSlices(wantedKeys(events, version), { signal });
  const request = { signal: requestSignal() };
  const keys = new Map(
    await Promise.all(
      [...wanted].map(async ([destination, keyIds]): Promise<[string, readonly ServerKey[]]> => {
        const question = { origin, destination, keyIds: [...keyIds] };
        // A server that does not answer provides no keys, for example because it no longer exists. The events that it must sign
        // are then removed.
        const found = await orAborted(federation.verifyKeys(question, request), request).catch(() => []);
        return [destination, found.filter(({ serverName }) => serverName === destination)];
      }),
    ),
  );
  request.signal.throwIfAborted();
  const waiting = (await inSlices(removeWithoutKeys(events, keys, version), { signal })).values();
  const lane = async (): Promise<void> => {
    for (const checked of waiting) {
      signal?.throwIfAborted();
      if (!(await isSignedByAll(checked, keys, version))) events.delete(checked.eventId);
    }
  };
  await allEnded(Array.from({ length: LANES }, lane));
}

/** Returns the ids of the keys with which servers that must sign the events have signed them, by server name. */
function* wantedKeys(
  events: ReadonlyMap<EventId, CheckedEvent>,
  version: RoomVersion,
): Generator<undefined, Map<ServerName, Set<string>>, undefined> {
  const wanted = new Map<ServerName, Set<string>>();
  for (const checked of events.values()) {
    yield;
    for (const signer of signersOf(checked, version)) {
      if (!isServerName(signer)) continue;
      const keyIds = wanted.get(signer) ?? new Set();
      for (const keyId of Object.keys(signaturesOf(checked.event, signer))) keyIds.add(keyId);
      wanted.set(signer, keyIds);
    }
  }
  return wanted;
}

/**
 * Removes from `events` every event that one of the servers that must sign it has not signed with a key in `keys`. Returns
 * those of the other events whose signatures must be verified.
 */
function* removeWithoutKeys(
  events: Map<EventId, CheckedEvent>,
  keys: Keys,
  version: RoomVersion,
): Generator<undefined, CheckedEvent[], undefined> {
  const verifiable: CheckedEvent[] = [];
  for (const checked of events.values()) {
    yield;
    const signers = signersOf(checked, version);
    if (signers.some((signer) => keysOf(checked, signer, keys).length === 0)) events.delete(checked.eventId);
    else if (signers.length > 0) verifiable.push(checked);
  }
  return verifiable;
}

/** Returns those keys of the server `signer` with which the event is signed. The signatures have not been verified. */
function keysOf({ event }: CheckedEvent, signer: string, keys: Keys): ServerKey[] {
  const signatures = signaturesOf(event, signer);
  return (keys.get(signer) ?? []).filter(({ keyId }) => typeof signatures[keyId] === 'string');
}

async function isSignedByAll(checked: CheckedEvent, keys: Keys, version: RoomVersion): Promise<boolean> {
  for (const signer of signersOf(checked, version)) {
    let isSigned = false;
    for (const key of keysOf(checked, signer, keys)) {
      isSigned ||= await findsValidEventSignature(checked.event, version, key);
    }
    if (!isSigned) return false;
  }
  return true;
}
