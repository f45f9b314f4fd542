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

/** Which state of a room to request, and from which server. @internal */
export interface StateQuestion {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
  /** The events at which the state is requested. Usually, they are the room's forward extremities. */
  readonly eventIds: readonly EventId[];
  /** The local server name that sends the requests. */
  readonly origin: ServerName;
  /** The server that receives the requests. */
  readonly destination: ServerName;
}

/** A room's state from another server. All events have valid signatures and pass the authorisation rules. */
export interface DownloadedState {
  readonly state: readonly CheckedEvent[];
  /**
   * The other events that the server returned and that passed the checks: auth events, and state events that the state
   * resolution did not choose.
   */
  readonly authChain: readonly CheckedEvent[];
  /**
   * Number of returned events that are in neither list, because they are malformed, lack a valid signature or are not allowed.
   */
  readonly leftOut: number;
}

/** @internal */
export interface DownloadOptions {
  /**
   * Creates the signal that stops one request to another server. Each request has its own signal. So a time limit covers each
   * request alone, and not the work between requests.
   */
  readonly requestSignal: () => AbortSignal;
  /** Stops the whole download. @defaultValue no signal: the download is never stopped */
  readonly signal?: AbortSignal | undefined;
}

/** The events of all answers of the server, divided into well-formed and malformed events. */
interface ReceivedEvents {
  /** The well-formed events, by id. */
  readonly checked: Map<EventId, CheckedEvent>;
  readonly malformed: Set<EventJson>;
}

/**
 * Asks another server for the state of a room at each of the given events. If the states differ, merges them by the state
 * resolution of the room version. Leaves out events that are malformed, lack a valid signature or are not allowed. Pauses
 * often, so that the event loop is not blocked.
 * @throws FederationError if a state has two events of the same type and state key; errors of the federation sender; the reason
 * of an aborted signal
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

/**
 * Checks the form of each event of an answer, and adds the event to `checked` or `malformed`. Returns the ids of the
 * well-formed events of the state.
 */
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

/** Returns those of `events` that are not in the state. */
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
