import { FederationError } from '../errors.ts';
import type { FederationRequestOptions, FederationSender, RemoteState, ServerKey } from '../host.ts';
import { type EventId, isServerName, type RoomId, type ServerName } from '../ids.ts';
import { stateName } from '../matrix/auth-events.ts';
import { authoriseByAuthEvents, type CheckedEvent, checkEvent, signersOf } from '../matrix/check-event.ts';
import { resolveState } from '../matrix/resolve-state.ts';
import type { RoomVersion } from '../matrix/room-version.ts';
import { hasValidEventSignature } from '../matrix/sign-event.ts';
import { signaturesOf } from '../matrix/sign-json.ts';
import { orAborted } from './or-aborted.ts';

/** A federation sender that can ask for state and for keys. */
export type StateSource = FederationSender & Required<Pick<FederationSender, 'lookupState' | 'verifyKeys'>>;

export function isStateSource(federation: FederationSender | undefined): federation is StateSource {
  return federation?.lookupState !== undefined && federation.verifyKeys !== undefined;
}

export interface StateQuestion {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
  /** Forward extremities. */
  readonly eventIds: readonly EventId[];
  readonly origin: ServerName;
  readonly destination: ServerName;
}

/** A room's state as another server knows it, of events that are verified and allowed. */
export interface DownloadedState {
  readonly state: readonly CheckedEvent[];
  /** What authorises it. */
  readonly authChain: readonly CheckedEvent[];
  /** Events that were left out: not well-formed, not signed, or not allowed. */
  readonly leftOut: number;
}

/**
 * Asks another server for the state of a room at each of the events.
 * Where it differs between them, it is resolved as the room version demands.
 * @throws FederationError for a state that has two events for one entry; what the federation sender throws
 */
export async function downloadState(
  federation: StateSource,
  question: StateQuestion,
  options: FederationRequestOptions,
): Promise<DownloadedState> {
  const { eventIds, roomId, version, origin, destination } = question;
  const answers: RemoteState[] = [];
  for (const eventId of eventIds) {
    answers.push(await orAborted(federation.lookupState({ origin, destination, roomId, eventId }, options), options));
  }
  const received = answers.flatMap(({ state, authChain }) => [...state, ...authChain]);
  const wellFormed = new Map<EventId, CheckedEvent>();
  for (const event of received) {
    const checked = checkEvent(event, roomId, version);
    if (checked !== undefined) wellFormed.set(checked.eventId, checked);
  }
  const signed = await withValidSignatures(federation, [...wellFormed.values()], question, options);
  const allowed = allowedOf(signed, version);
  const states = answers.map(({ state }) => {
    const ids = new Set(state.flatMap((event) => checkEvent(event, roomId, version)?.eventId ?? []));
    refuseAmbiguity(
      [...ids].flatMap((id) => allowed.get(id) ?? []),
      destination,
    );
    return [...ids];
  });
  const state = resolveState(states, allowed, version);
  const inState = new Set(state.map(({ eventId }) => eventId));
  return {
    state,
    authChain: [...allowed.values()].filter(({ eventId }) => !inState.has(eventId)),
    leftOut: new Set(received).size - received.filter((event) => isAllowed(event, question, allowed)).length,
  };
}

function isAllowed(
  event: Readonly<Record<string, unknown>>,
  { roomId, version }: StateQuestion,
  allowed: ReadonlyMap<EventId, CheckedEvent>,
): boolean {
  const id = checkEvent(event, roomId, version)?.eventId;
  return id !== undefined && allowed.has(id);
}

function refuseAmbiguity(state: readonly CheckedEvent[], destination: ServerName): void {
  const names = state.flatMap(({ type, stateKey }) => (stateKey === undefined ? [] : [stateName(type, stateKey)]));
  if (new Set(names).size < names.length) {
    throw new FederationError('bad_answer', `${destination} gave a state with two events for one entry`);
  }
}

/** Events that every server has signed that must have. */
async function withValidSignatures(
  federation: StateSource,
  events: readonly CheckedEvent[],
  { version, origin }: StateQuestion,
  options: FederationRequestOptions,
): Promise<CheckedEvent[]> {
  const wanted = new Map<ServerName, Set<string>>();
  for (const checked of events) {
    for (const signer of signersOf(checked, version)) {
      if (!isServerName(signer)) continue;
      const keyIds = wanted.get(signer) ?? new Set();
      for (const keyId of Object.keys(signaturesOf(checked.event, signer))) keyIds.add(keyId);
      wanted.set(signer, keyIds);
    }
  }
  const found = await Promise.all(
    [...wanted].map(([destination, keyIds]) =>
      // The keys of a server that is gone are missing; its events are left out then.
      orAborted(federation.verifyKeys({ origin, destination, keyIds: [...keyIds] }, options), options).catch(
        (): readonly ServerKey[] => [],
      ),
    ),
  );
  options.signal.throwIfAborted();
  const keys = found.flat();
  return events.filter((checked) =>
    signersOf(checked, version).every((signer) =>
      keys.some((key) => key.serverName === signer && hasValidEventSignature(checked.event, version, key)),
    ),
  );
}

/** Those that the events which authorise them allow, and so on. */
function allowedOf(events: readonly CheckedEvent[], version: RoomVersion): Map<EventId, CheckedEvent> {
  const byId = new Map(events.map((checked) => [checked.eventId, checked]));
  const create = events.find(({ type }) => type === 'm.room.create');
  const verdicts = new Map<EventId, boolean>();
  const judge = (checked: CheckedEvent): boolean => {
    const known = verdicts.get(checked.eventId);
    if (known !== undefined) return known;
    // While it is being judged: events that authorise each other don't exist.
    verdicts.set(checked.eventId, false);
    const authorised = checked.authEventIds.every((id) => {
      const auth = byId.get(id);
      return auth !== undefined && judge(auth);
    });
    const verdict = authorised && authoriseByAuthEvents(checked, (id) => byId.get(id), create, version) === undefined;
    verdicts.set(checked.eventId, verdict);
    return verdict;
  };
  // Shallow events first, so that long chains are not walked by recursion.
  const ordered = [...events].sort((a, b) => a.depth - b.depth);
  return new Map(ordered.filter(judge).map((checked) => [checked.eventId, checked]));
}
