import { type ServerName, splitUserId } from '../ids.ts';
import { type RoomHosts, updateJoinedHosts } from '../storage/federation/joined-hosts.ts';
import type { QueuedPdu } from '../storage/federation/queue.ts';
import type { Write } from '../storage/write-together.ts';
import type { UsersByServer } from './joined-servers.ts';
import { lastOfEach, memberLinks } from './membership-writes.ts';
import { headeredJson } from './sync-writes.ts';
import type { ChainSettings, WrittenChain } from './written-chain.ts';

/** What other servers learn of new events of a room, and how the events change the list of servers in the room. */
export interface FederationWrites {
  /** The events, each with the servers that receive it. */
  readonly pdus: readonly QueuedPdu[];
  /** Statements that update the table of the servers in the room. */
  readonly writes: readonly Write[];
  /** Number of joined users of each server after the last event. */
  readonly users: UsersByServer;
}

/**
 * Finds the receivers of each of the new events: the remote servers that have a joined user just before the event, and the
 * remote servers that peek into the room. Leaves out blacklisted servers, as Dendrite does, and servers for which `isTold`
 * returns `false`. Also finds out how the events change the list of servers in the room.
 * @param joined number of joined users of each server before the first event
 */
export function federationWrites(
  { room, links }: WrittenChain,
  joined: UsersByServer,
  { peeking, blacklisted }: RoomHosts,
  { localServerNames, isTold = () => true }: Pick<ChainSettings, 'localServerNames' | 'isTold'>,
): FederationWrites {
  const users = new Map(joined);
  const members = memberLinks(links);
  const memberOf = new Map(members.map((member) => [member.link, member]));

  const pdus = links.map((link) => {
    const present = [...users].filter(([, count]) => count > 0).map(([name]) => name);
    const destinations = [...new Set([...present, ...peeking])].filter(
      (name) => !localServerNames.includes(name) && !blacklisted.has(name) && isTold(name),
    );
    const member = memberOf.get(link);
    if (member !== undefined) {
      const { serverName } = splitUserId(member.userId);
      const change = Number(member.membership === 'join') - Number(member.before === 'join');
      users.set(serverName, (users.get(serverName) ?? 0) + change);
    }
    return { json: headeredJson(link.stored.event, link.stored.eventId, room), destinations };
  });

  const left = members.flatMap(({ link, before }) =>
    before === 'join' && link.replaces ? [link.replaces.eventId] : [],
  );
  const joins = lastOfEach(members).filter(({ membership }) => membership === 'join');
  const added = joins.map(({ link, userId }) => ({
    eventId: link.stored.eventId,
    serverName: splitUserId(userId).serverName,
  }));
  return { pdus, writes: updateJoinedHosts(room.roomId, left, added), users };
}

/** Returns the servers that receive any of the PDUs, each server once. */
export function destinationsOf(pdus: readonly QueuedPdu[]): ServerName[] {
  return [...new Set(pdus.flatMap(({ destinations }) => destinations))];
}
