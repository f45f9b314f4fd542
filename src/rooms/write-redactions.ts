import type { Knex } from 'knex';
import { isUserId, splitUserId } from '../ids.ts';
import { toJson } from '../json.ts';
import { redact } from '../matrix/redact.ts';
import { type EventJson, roomVersionOf } from '../matrix/room-version.ts';
import { findEvent, type StoredEvent } from '../storage/roomserver/events.ts';
import { applyRedaction, insertRedaction } from '../storage/roomserver/redactions.ts';
import type { ChainLink } from './event-chain.ts';
import { headeredJson } from './sync-writes.ts';
import type { WrittenChain } from './written-chain.ts';

/**
 * Redacts the events that redactions among the new events name. Adds the redaction to each redacted event as
 * `redacted_because`. A redaction has no effect if the homeserver does not have its target, or if its sender may not redact the
 * target. As in Dendrite, the database still records such a redaction.
 * A sender may redact the target with a sufficient power level, or if the target's sender is on the same server. Source:
 * Server-Server API, "Redactions".
 */
export async function writeRedactions(transaction: Knex.Transaction, { room, links }: WrittenChain): Promise<void> {
  for (const link of links) {
    const { redacts } = link.draft;
    if (link.draft.type !== 'm.room.redaction' || redacts === undefined) continue;
    const target = await findEvent(transaction, room.roomNid, redacts);
    const validated = target !== undefined && mayRedact(link, target);
    await insertRedaction(transaction, { redactionId: link.stored.eventId, targetId: redacts, validated });
    if (!validated) continue;
    const redacted = redact(target.event, roomVersionOf(room.version));
    const withReason = (because: unknown): EventJson => ({
      ...redacted,
      unsigned: { redacted_because: because, redacted_by: link.stored.eventId },
    });
    // Dendrite's roomserver and syncapi each store `redacted_because` in their own format.
    const { eventNid, event } = link.stored;
    await applyRedaction(transaction, {
      targetId: target.eventId,
      targetNid: target.eventNid,
      roomserverJson: toJson(withReason({ EventNID: eventNid, PDU: event, Rejected: false })),
      syncJson: headeredJson(withReason(clientFormat(link.stored)), target.eventId, room),
    });
  }
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
