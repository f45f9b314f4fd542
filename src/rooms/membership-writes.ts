import { type ServerName, splitUserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import { canonicalJson } from '../matrix/canonical-json.ts';
import { deleteDepartures } from '../storage/plugin/departures.ts';
import {
  insertInvites,
  isMembership,
  type Membership,
  retireInvites,
  upsertMemberships,
} from '../storage/roomserver/membership.ts';
import type { Write } from '../storage/write-together.ts';
import type { ChainLink } from './event-chain.ts';
import type { WrittenChain } from './written-chain.ts';

/**
 * A member event, with the user's membership before and after it. The event belongs to a chain, which is a list of new events
 * of one room. Each event of a chain follows the one before it.
 */
export interface MemberLink {
  readonly link: ChainLink;
  readonly userId: string;
  readonly membership: Membership;
  /** The membership before the event. `leave` for users who were never in the room. */
  readonly before: unknown;
}

/** Returns the member events of a chain. */
export function memberLinks(links: readonly ChainLink[]): MemberLink[] {
  return links.flatMap((link) => {
    const { type, stateKey, content } = link.draft;
    if (type !== 'm.room.member' || stateKey === undefined || !isMembership(content.membership)) return [];
    const old = link.replaces?.event.content;
    return [
      { link, userId: stateKey, membership: content.membership, before: isRecord(old) ? old.membership : 'leave' },
    ];
  });
}

/** Returns the last of the given member events for each user. */
export function lastOfEach(members: readonly MemberLink[]): MemberLink[] {
  return [...new Map(members.map((member) => [member.userId, member])).values()];
}

/** Returns the users whose pending invite the given member events answer or withdraw. */
export function answeredInvites(members: readonly MemberLink[]): string[] {
  return members
    .filter(({ before, membership }) => before === 'invite' && membership !== 'invite')
    .map(({ userId }) => userId);
}

/** Memberships with which a room appears in `/sync`. */
const SHOWN: readonly unknown[] = ['join', 'invite', 'knock'];

/**
 * Returns the statements that store the memberships after a chain, add its invites, and retire invites that it answers or
 * withdraws. If `/sync` shows the room to a user again, the statements also delete the user's departure, which records that the
 * user was in the room before it was purged.
 */
export function membershipWrites(
  { room, links, nids }: WrittenChain,
  { serverName }: { readonly serverName: ServerName },
): Write[] {
  const members = memberLinks(links);
  const nidOf = (userId: string): number => nids.stateKeys.get(userId) ?? Number.NaN;
  const last = lastOfEach(members);
  const comers = last.filter(({ before, membership }) => !SHOWN.includes(before) && SHOWN.includes(membership));
  return [
    ...deleteDepartures(
      room.roomId,
      comers.map(({ userId }) => userId),
    ),
    ...retireInvites(room.roomNid, answeredInvites(members).map(nidOf)),
    ...upsertMemberships(
      room.roomNid,
      last.map(({ link, userId, membership }) => ({
        targetNid: nidOf(userId),
        senderNid: nidOf(link.draft.sender),
        membership,
        eventNid: link.stored.eventNid,
        targetLocal: splitUserId(userId).serverName === serverName,
      })),
    ),
    ...insertInvites(
      room.roomNid,
      members
        .filter(({ membership, before }) => membership === 'invite' && before !== 'invite')
        .map((member) => ({
          eventId: member.link.stored.eventId,
          targetNid: nidOf(member.userId),
          senderNid: nidOf(member.link.draft.sender),
          json: canonicalJson(member.link.stored.event),
          retired: !last.includes(member),
        })),
    ),
  ];
}
