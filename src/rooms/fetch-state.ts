import { FederationError } from '../errors.ts';
import type { FederationSender, RemoteState } from '../host.ts';
import type { EventId, RoomId, ServerName } from '../ids.ts';
import { inSlices } from '../in-slices.ts';
import { allowedEvents } from '../matrix/allowed-events.ts';
import type { EventIndex } from '../matrix/auth-chain.ts';
import { stateName } from '../matrix/auth-events.ts';
import { type CheckedEvent, checkEvent } from '../matrix/check-event.ts';
import { resolveState } from '../matrix/resolve-state.ts';
import type { EventJson, RoomVersion } from '../matrix/room-version.ts';
import { orAborted } from './or-aborted.ts';
import { removeUnsigned } from './remove-unsigned.ts';

/** A federation sender that can request a room's state and other servers' signing keys. */
export type StateSource = FederationSender & Required<Pick<FederationSender, 'lookupState' | 'verifyKeys'>>;

export function isStateSource(federation: FederationSender | undefined): federation is StateSource {
  return federation?.lookupState !== undefined && federation.verifyKeys !== undefined;
}

export interface StateQuestion {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
  /** The events at which the state is requested. Usually these events are the room's forward extremities. */
  readonly eventIds: readonly EventId[];
  readonly origin: ServerName;
  readonly destination: ServerName;
}

/** A room's state from another server. The events have valid signatures and pass the authorisation rules. */
export interface DownloadedState {
  readonly state: readonly CheckedEvent[];
  /** The other events that the server returned: auth events, and state events that the state resolution did not choose. */
  readonly authChain: readonly CheckedEvent[];
  /** Number of events that the result lacks, because an event is malformed, lacks a valid signature or is not allowed. */
  readonly leftOut: number;
}

export interface DownloadOptions {
  /**
   * Creates the signal that stops one request to another server. Each request has a signal of its own, so that a time limit
   * covers the request, but not the work between requests.
   */
  readonly requestSignal: () => AbortSignal;
  /** Stops the whole download. @defaultValue no signal: the download is never stopped */
  readonly signal?: AbortSignal | undefined;
}

/** Events that other servers have returned. */
interface ReceivedEvents {
  /** The well-formed events. Each event occurs once, even if several answers contain it. */
  readonly checked: Map<EventId, CheckedEvent>;
  readonly malformed: Set<EventJson>;
}

/**
 * Asks another server for the state of a room at each of the given events. If the states differ, the state resolution of the
 * room version merges them. The work does not block the event loop.
 * @throws FederationError if a state has two events of the same type and state key. Errors of the federation sender and the
 * reason of an aborted signal are thrown unchanged.
 */
export async function fetchState(
  federation: StateSource,
  question: StateQuestion,
  options: DownloadOptions,
): Promise<DownloadedState> {
  const { eventIds, roomId, version, origin, destination } = question;
  const received: ReceivedEvents = { checked: new Map(), malformed: new Set() };
  const states: EventId[][] = [];
  for (const eventId of eventIds) {
    const request = { signal: options.requestSignal() };
    const asked = federation.lookupState({ origin, destination, roomId, eventId }, request);
    states.push(await inSlices(checkAnswer(await orAborted(asked, request), received, question), options));
  }
  const { checked, malformed } = received;
  const wellFormed = checked.size;
  await removeUnsigned(checked, federation, question, options);
  const allowed = await inSlices(allowedEvents(checked, version), options);
  for (const ids of states) await inSlices(refuseAmbiguity(ids, allowed, destination), options);
  const state = await inSlices(resolveState(states, allowed, version), options);
  return {
    state,
    authChain: await inSlices(without(state, allowed), options),
    leftOut: malformed.size + wellFormed - allowed.size,
  };
}

/** Checks each event of an answer, and returns the ids of the state's events. */
function* checkAnswer(
  { state, authChain }: RemoteState,
  { checked, malformed }: ReceivedEvents,
  { roomId, version }: StateQuestion,
): Generator<undefined, EventId[], undefined> {
  const ids = new Set<EventId>();
  for (const [events, isState] of [
    [state, true],
    [authChain, false],
  ] as const) {
    for (const event of events) {
      yield;
      const found = checkEvent(event, roomId, version);
      if (found === undefined) malformed.add(event);
      else checked.set(found.eventId, found);
      if (found !== undefined && isState) ids.add(found.eventId);
    }
  }
  return [...ids];
}

function* refuseAmbiguity(
  ids: readonly EventId[],
  allowed: EventIndex,
  destination: ServerName,
): Generator<undefined, void, undefined> {
  const names = new Set<string>();
  for (const id of ids) {
    yield;
    const event = allowed.get(id);
    if (event?.stateKey === undefined) continue;
    const name = stateName(event.type, event.stateKey);
    if (names.has(name)) {
      throw new FederationError(
        'bad_answer',
        `${destination} returned a state with two events for the same type and state key`,
      );
    }
    names.add(name);
  }
}

/** Returns the events that are not in the state. */
function* without(state: readonly CheckedEvent[], events: EventIndex): Generator<undefined, CheckedEvent[], undefined> {
  const inState = new Set<CheckedEvent>();
  for (const event of state) {
    yield;
    inState.add(event);
  }
  const others: CheckedEvent[] = [];
  for (const event of events.values()) {
    yield;
    if (!inState.has(event)) others.push(event);
  }
  return others;
}
