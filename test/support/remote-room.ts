import { isEventId, isUserId, splitUserId } from '../../src/ids.ts';
import { isRecord } from '../../src/json.ts';
import { authStateKeys } from '../../src/matrix/auth-events.ts';
import { authorise } from '../../src/matrix/authorise.ts';
import { contentHash } from '../../src/matrix/event-hash.ts';
import { eventIdOf } from '../../src/matrix/event-id.ts';
import { type EventJson, roomVersionOf } from '../../src/matrix/room-version.ts';
import { hasValidEventSignature } from '../../src/matrix/sign-event.ts';
import type { VerifyKey } from '../../src/matrix/sign-json.ts';

/** Finds the published keys of a server. */
export type KeysOf = (serverName: string) => Promise<readonly VerifyKey[]>;

const idsOf = (references: unknown): string[] =>
  Array.isArray(references) ? references.map((reference) => (Array.isArray(reference) ? reference[0] : reference)) : [];

/** Makes a map key for a state event. */
export const stateNameOf = (event: EventJson | undefined): string => [event?.['type'], event?.['state_key']].join('\0');

/** A room as another server sees it. This server does not trust the homeserver under test. */
export class RemoteRoom {
  readonly version: string;
  /** Events by their ids. */
  readonly events = new Map<string, EventJson>();
  readonly state = new Map<string, EventJson>();
  /** Ids of the forward extremities, the events that no other event follows yet. */
  readonly extremities = new Set<string>();

  /** @param events the events that the server has of the room, oldest first */
  constructor(version: string, events: readonly EventJson[] = []) {
    this.version = version;
    for (const event of events) this.#add(eventIdOf(event, roomVersionOf(version)), event);
  }

  /** Checks and stores an event, or returns the error. Source: Server-Server API, "Checks performed on receipt of a PDU". */
  async receive(event: EventJson, keysOf: KeysOf): Promise<{ eventId: string; error?: string }> {
    const version = roomVersionOf(this.version);
    const eventId = eventIdOf(event, version);
    const error = await this.#refusal(event, keysOf);
    if (error === undefined) this.#add(eventId, event);
    return { eventId, ...(error !== undefined && { error }) };
  }

  joinedServers(): string[] {
    const members = [...this.state].filter(([name]) => name.startsWith('m.room.member\0'));
    const joined = members.filter(([, { content }]) => isRecord(content) && content['membership'] === 'join');
    return [...new Set(joined.map(([name]) => splitUserId(name.split('\0')[1] ?? '').serverName))];
  }

  async #refusal(event: EventJson, keysOf: KeysOf): Promise<string | undefined> {
    const version = roomVersionOf(this.version);
    const { type, sender, state_key: stateKey, content, hashes, redacts } = event;
    if (typeof type !== 'string' || typeof sender !== 'string' || !isUserId(sender) || !isRecord(content)) {
      return 'the event is malformed';
    }
    if (!isRecord(hashes) || hashes['sha256'] !== contentHash(event)) return 'the content hash is wrong';
    const keys = await keysOf(splitUserId(sender).serverName);
    if (!keys.some((key) => hasValidEventSignature(event, version, key))) return 'no signature of the sender is valid';
    if (version.eventIds !== 'random' && 'event_id' in event) return 'the event names its own id';
    const [prev, auth] = [idsOf(event['prev_events']), idsOf(event['auth_events'])];
    if (prev.length === 0 || prev.length > 20) return 'there are no, or too many, prev_events';
    const unknown = [...prev, ...auth].filter((id) => !isEventId(id) || !this.events.has(id));
    if (unknown.length > 0) return `not known: ${unknown.join(' ')}`;
    const depths = prev.map((id) => Number(this.events.get(id)?.['depth']));
    if (event['depth'] !== Math.max(...depths) + 1) return 'the depth is wrong';

    const judged = {
      type,
      sender,
      content,
      follows: prev.length === 1 && this.events.get(prev[0] ?? '')?.['type'] === 'm.room.create' ? 'create' : 'events',
      ...(typeof stateKey === 'string' && { stateKey }),
      ...(typeof redacts === 'string' && { redacts }),
    } as const;
    const byAuth = new Map(auth.map((id) => [stateNameOf(this.events.get(id)), this.events.get(id)]));
    const wanted = new Set(authStateKeys(judged, version).map((key) => key.join('\0')));
    const excess = [...byAuth.keys()].filter((name) => !wanted.has(name));
    if (byAuth.size !== auth.length || excess.length > 0) return 'there are auth_events that do not belong there';
    const create = this.state.get('m.room.create\0');
    const authState = (t: string, key: string): EventJson | undefined =>
      t === 'm.room.create' && version.privilegedCreators ? create : byAuth.get(`${t}\0${key}`);
    const current = (t: string, key: string): EventJson | undefined => this.state.get(`${t}\0${key}`);
    return authorise(judged, authState, version) ?? authorise(judged, current, version);
  }

  #add(eventId: string, event: EventJson): void {
    this.events.set(eventId, event);
    for (const id of idsOf(event['prev_events'])) this.extremities.delete(id);
    this.extremities.add(eventId);
    if (typeof event['state_key'] === 'string') this.state.set(stateNameOf(event), event);
  }
}
