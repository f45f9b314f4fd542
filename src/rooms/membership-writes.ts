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
 * A member event of a chain, with the user's membership before and after it. A chain is a list of new events of one room, and
 * each event follows the one before it.
 */
export interface MemberLink {
  readonly link: ChainLink;
  /** The user whose membership the event changes. */
  readonly userId: string;
  readonly membership: Membership;
  /** The membership before the event. `leave` if the user never had a membership in the room. */
  readonly before: unknown;
}

/** Returns the member events of a chain, in order. Leaves out events with an unknown membership. */
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

/** Returns, for each user, the last of the given member events. */
export function lastOfEach(members: readonly MemberLink[]): MemberLink[] {
  return [...new Map(members.map((member) => [member.userId, member])).values()];
}

/** Returns the users whose pending invite is answered or withdrawn by one of the given member events. */
export function answeredInvites(members: readonly MemberLink[]): string[] {
  return members
    .filter(({ before, membership }) => before === 'invite' && membership !== 'invite')
    .map(({ userId }) => userId);
}

/** A room appears in `/sync` if the user has one of these memberships in it. */
const SHOWN: readonly unknown[] = ['join', 'invite', 'knock'];

/**
 * Returns the statements that store each user's membership after a chain, store the invites that the chain contains, and retire
 * invites that the chain answers or withdraws. A departure records that a user had a membership in a room before it was purged.
 * If `/sync` shows the room to the user again, the statements delete the departure.
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
