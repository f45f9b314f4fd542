import type { Knex } from 'knex';
import { type EventId, isUserId, splitUserId } from '../ids.ts';
import { inSlices } from '../in-slices.ts';
import { toJson } from '../json.ts';
import { redact } from '../matrix/redact.ts';
import { type EventJson, roomVersionOf } from '../matrix/room-version.ts';
import { findEvents, type StoredEvent } from '../storage/roomserver/events.ts';
import {
  applyRedactions,
  insertRedactions,
  type NotedRedaction,
  type RedactedEvent,
} from '../storage/roomserver/redactions.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import { writeTogether } from '../storage/write-together.ts';
import type { ChainLink } from './event-chain.ts';
import { headeredJson } from './sync-writes.ts';
import type { WrittenChain } from './written-chain.ts';

/**
 * Applies those of the new events that are redactions. The target of a redaction is the event that it redacts. Redacts each
 * target, and adds the redaction to the target as `redacted_because`. A redaction has no effect if the homeserver does not have
 * its target, or if its sender may not redact the target. As in Dendrite, the database still records such a redaction.
 *
 * A sender may redact the target with a sufficient power level, or if the target's sender is on the same server. Source:
 * Server-Server API, "Redactions". If several of the new redactions have the same target, the last one becomes
 * `redacted_because`.
 */
export async function writeRedactions(transaction: Knex.Transaction, { room, links }: WrittenChain): Promise<void> {
  const redactions = links.flatMap((link) => {
    const { type, redacts } = link.draft;
    return type === 'm.room.redaction' && redacts !== undefined ? [{ link, redacts }] : [];
  });
  if (redactions.length === 0) return;
  const targetIds = [...new Set(redactions.map(({ redacts }) => redacts))];
  const found = await findEvents(transaction, room.roomNid, targetIds);
  const targets = new Map(found.map((event) => [event.eventId, event]));
  const { noted, redacted } = await inSlices(redactedEvents(room, redactions, targets));
  await writeTogether(transaction, [...insertRedactions(noted), ...applyRedactions(room.roomId, redacted)]);
}

/**
 * Returns two lists. `noted` has a row for each redaction, to store with the id of its target. `redacted` has the redacted form
 * of each target that the homeserver has and that the redaction's sender may redact.
 */
function* redactedEvents(
  room: StoredRoom,
  redactions: readonly { readonly link: ChainLink; readonly redacts: EventId }[],
  targets: ReadonlyMap<EventId, StoredEvent>,
): Generator<undefined, { readonly noted: NotedRedaction[]; readonly redacted: RedactedEvent[] }, undefined> {
  const noted: NotedRedaction[] = [];
  const redacted = new Map<EventId, RedactedEvent>();
  for (const { link, redacts } of redactions) {
    yield;
    const target = targets.get(redacts);
    const validated = target !== undefined && mayRedact(link, target);
    noted.push({ redactionId: link.stored.eventId, targetId: redacts, validated });
    if (validated) redacted.set(redacts, redactedForm(room, link, target));
  }
  return { noted, redacted: [...redacted.values()] };
}

function redactedForm(room: StoredRoom, { stored }: ChainLink, target: StoredEvent): RedactedEvent {
  const redacted = redact(target.event, roomVersionOf(room.version));
  const withReason = (because: unknown): EventJson => ({
    ...redacted,
    unsigned: { redacted_because: because, redacted_by: stored.eventId },
  });
  // Dendrite stores `redacted_because` in one format in the roomserver's tables and in another in the tables of `/sync`.
  const { eventNid, event } = stored;
  return {
    targetId: target.eventId,
    targetNid: target.eventNid,
    roomserverJson: toJson(withReason({ EventNID: eventNid, PDU: event, Rejected: false })),
    syncJson: headeredJson(withReason(clientFormat(stored)), target.eventId, room),
  };
}

function mayRedact({ mayRedactOthers, draft }: ChainLink, { event }: StoredEvent): boolean {
  if (mayRedactOthers) return true;
  const { sender } = event;
  const isOfUser = typeof sender === 'string' && isUserId(sender);
  return isOfUser && splitUserId(sender).serverName === splitUserId(draft.sender).serverName;
}

function clientFormat({ eventId, event }: StoredEvent): EventJson {
  const { content, origin_server_ts, redacts, sender, type } = event;
  return { content, event_id: eventId, origin_server_ts, redacts, sender, type };
}
