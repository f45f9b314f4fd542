import { MatrixError } from '../errors.ts';
import type { SigningKey } from '../host.ts';
import { type EventId, type RoomId, splitUserId, type UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import { authEventKeys, authStateKeys, type StateKey, stateName } from '../matrix/auth-events.ts';
import { authorise } from '../matrix/authorise.ts';
import { buildEvent } from '../matrix/build-event.ts';
import { powerLevelOf, requiredLevel } from '../matrix/power-levels.ts';
import type { EventJson, RoomVersion } from '../matrix/room-version.ts';
import type { AllocatedIds } from '../storage/allocate-ids.ts';
import type { StoredEvent } from '../storage/roomserver/events.ts';

/** The keys with which the plugin signs events, and the clock for the events' timestamps. */
export interface Signers {
  /** One key for each local server name. */
  readonly signingKeys: readonly SigningKey[];
  /** Returns the current time, in ms since the epoch. */
  readonly now: () => number;
}

/** An event to send into a room. */
export interface RoomEventDraft {
  readonly type: string;
  /** A user whose server name is one of the homeserver's own. */
  readonly sender: UserId;
  /** The state key. An event that has one, even an empty one, is a state event. */
  readonly stateKey?: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** The id of the event to redact, if this event is a redaction. */
  readonly redacts?: EventId;
  /**
   * The request with which a client sent the event, and the session of its device. `/sync` returns the transaction id of the
   * request, so that the sending device recognises its own event. `undefined` if no client sent the event, or if the request
   * had no transaction id.
   */
  readonly request?: { readonly sessionId: number; readonly transactionId: string };
}

/** Returns a function that creates drafts of state events. The drafts have the given sender and an empty state key. */
export const stateDraftsOf =
  (sender: UserId) =>
  (type: string, content: RoomEventDraft['content']): RoomEventDraft => ({ type, sender, stateKey: '', content });

/** A draft that could not become an event, and the reason. */
export interface RefusedDraft {
  readonly draft: RoomEventDraft;
  /** `M_FORBIDDEN` if the draft is not allowed; `M_BAD_JSON` or `M_TOO_LARGE` if it cannot be a valid event. */
  readonly error: MatrixError;
}

/**
 * A new event, with its ids and the events that it refers to. Several new events of a room form a chain: each event follows the
 * one before it.
 */
export interface ChainLink {
  readonly draft: RoomEventDraft;
  readonly stored: StoredEvent;
  readonly ids: AllocatedIds;
  readonly authEventNids: readonly number[];
  readonly prevEvents: readonly StoredEvent[];
  /** The state event of the same type and state key that the new event replaces. `undefined` if there is none. */
  readonly replaces: StoredEvent | undefined;
  /** The room's history visibility before the new event, such as `shared`. `undefined` if the room has none. */
  readonly historyVisibility: unknown;
  /** Whether the sender's power level allows redacting events of other users. */
  readonly mayRedactOthers: boolean;
}

export interface ChainStart {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
  readonly prevEvents: readonly StoredEvent[];
  /**
   * The state events that the drafts need, by the name that `stateName()` makes. `buildChain()` copies the map, so the caller
   * should leave out all other state events.
   */
  readonly state: ReadonlyMap<string, StoredEvent>;
}

/** Type and state key of the state event that every new event needs, because it decides who may see the event. */
const HISTORY_VISIBILITY: StateKey = ['m.room.history_visibility', ''];
/**
 * Type and state key of the state events that an invite shows to the invited user: those that Dendrite shows, and those that
 * the specification demands in addition.
 */
const shownToInvited = (inviter: string): StateKey[] => [
  ['m.room.create', ''],
  ['m.room.member', inviter],
  ['m.room.join_rules', ''],
  ['m.room.name', ''],
  ['m.room.canonical_alias', ''],
  ['m.room.avatar', ''],
  ['m.room.topic', ''],
  ['m.room.encryption', ''],
];

const isInvite = ({ type, content }: RoomEventDraft): boolean =>
  type === 'm.room.member' && content.membership === 'invite';

/** Returns the type and state key of each state event that `buildChain()` needs to make an event from the draft. */
export function neededState(draft: RoomEventDraft, version: RoomVersion): StateKey[] {
  const own: StateKey[] = draft.stateKey === undefined ? [] : [[draft.type, draft.stateKey]];
  const shown = isInvite(draft) ? shownToInvited(draft.sender) : [];
  return [HISTORY_VISIBILITY, ...own, ...shown, ...authStateKeys(draft, version)];
}

type State = Map<string, StoredEvent>;

const find = (state: ReadonlyMap<string, StoredEvent>, [type, stateKey]: StateKey): StoredEvent | undefined =>
  state.get(stateName(type, stateKey));
const findAll = (state: ReadonlyMap<string, StoredEvent>, keys: readonly StateKey[]): StoredEvent[] =>
  keys.map((key) => find(state, key)).filter((event) => event !== undefined);

/**
 * Creates events from drafts. Each event follows the one before it. Refuses a draft if the authorisation rules forbid it, if
 * its sender has no signing key, or if it cannot become a valid event. The event after a refused draft follows the last event
 * that was not refused. Yields before each draft, so that the caller can let other work run.
 * @param ids allocated ids, one for each draft
 */
export function* buildChain(
  start: ChainStart,
  drafts: readonly RoomEventDraft[],
  ids: readonly AllocatedIds[],
  signers: Signers,
): Generator<undefined, { links: ChainLink[]; refused: RefusedDraft[] }, undefined> {
  const { version } = start;
  const links: ChainLink[] = [];
  const refused: RefusedDraft[] = [];
  const state: State = new Map(start.state);
  let prevEvents = start.prevEvents;

  for (const [i, draft] of drafts.entries()) {
    yield;
    const own = ids[i];
    if (own === undefined) throw new Error('too few ids have been allocated');
    const made = makeEvent({ ...start, prevEvents }, state, draft, signers);
    if (made instanceof MatrixError) {
      refused.push({ draft, error: made });
      continue;
    }
    const stored = { ...made, eventNid: own.eventNid };
    links.push(linkOf(state, { draft, stored, ids: own, prevEvents }, version));
    if (draft.stateKey !== undefined) state.set(stateName(draft.type, draft.stateKey), stored);
    prevEvents = [stored];
  }
  return { links, refused };
}

/** Adds to an event its auth events, the state event that it replaces, and other facts from the state before the event. */
export function linkOf(
  state: ReadonlyMap<string, StoredEvent>,
  event: Pick<ChainLink, 'draft' | 'stored' | 'ids' | 'prevEvents'>,
  version: RoomVersion,
): ChainLink {
  const { type, stateKey } = event.draft;
  const visibility = find(state, HISTORY_VISIBILITY)?.event.content;
  return {
    ...event,
    // `authStateKeys()` always contains the create event. Since room version 12, events do not list this event in
    // `auth_events`, but Dendrite still stores it as one of their auth events.
    authEventNids: findAll(state, authStateKeys(event.draft, version)).map(({ eventNid }) => eventNid),
    replaces: stateKey === undefined ? undefined : find(state, [type, stateKey]),
    historyVisibility: isRecord(visibility) ? visibility.history_visibility : undefined,
    mayRedactOthers: mayRedactOthers(state, event.draft, version),
  };
}

function mayRedactOthers(
  state: ReadonlyMap<string, StoredEvent>,
  { sender }: RoomEventDraft,
  version: RoomVersion,
): boolean {
  const create = find(state, ['m.room.create', ''])?.event ?? {};
  const power = { create, powerLevels: find(state, ['m.room.power_levels', ''])?.event };
  return powerLevelOf(power, version, sender) >= requiredLevel(power, version, 'redact');
}

/** Reduces a state event to the members that an invite shows. Source: Client-Server API, "Stripped state". */
function stripped({ type, state_key, sender, content }: EventJson): EventJson {
  return { content, sender, state_key, type };
}

/** Builds and signs the event of a draft. If the draft must be refused, returns the error that says why. */
function makeEvent(
  { roomId, version, prevEvents }: Omit<ChainStart, 'state'>,
  state: State,
  draft: RoomEventDraft,
  { signingKeys, now }: Signers,
): Omit<StoredEvent, 'eventNid'> | MatrixError {
  const { serverName } = splitUserId(draft.sender);
  const key = signingKeys.find((candidate) => candidate.serverName === serverName);
  if (key === undefined) return new MatrixError('M_FORBIDDEN', `there is no signing key for ${serverName}`);
  const [previous] = prevEvents;
  const judged = {
    ...draft,
    follows: prevEvents.length === 1 && previous?.event.type === 'm.room.create' ? 'create' : 'events',
  } as const;
  const reason = authorise(judged, (type, stateKey) => find(state, [type, stateKey])?.event, version);
  if (reason !== undefined) return new MatrixError('M_FORBIDDEN', reason);
  const depth = Math.min(Math.max(0, ...prevEvents.map((event) => event.depth)) + 1, Number.MAX_SAFE_INTEGER);
  const { type, sender, stateKey, content, redacts } = draft;
  try {
    const built = buildEvent(
      {
        roomId,
        type,
        sender,
        content,
        ...(stateKey !== undefined && { stateKey }),
        ...(redacts !== undefined && { redacts }),
        originServerTs: now(),
        depth,
        authEvents: findAll(state, authEventKeys(draft, version)),
        prevEvents,
      },
      version,
      key,
    );
    const shown = findAll(state, shownToInvited(sender)).map(({ event }) => stripped(event));
    const unsigned = { invite_room_state: shown };
    return { ...built, event: isInvite(draft) ? { ...built.event, unsigned } : built.event, depth };
  } catch (error) {
    if (error instanceof MatrixError) return error;
    throw error;
  }
}
