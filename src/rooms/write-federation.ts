import type { Knex } from 'knex';
import { type ServerName, splitUserId } from '../ids.ts';
import { countJoinedHosts, listPeekingHosts, updateJoinedHosts } from '../storage/federation/joined-hosts.ts';
import { enqueuePdus, listBlacklisted } from '../storage/federation/queue.ts';
import type { ChainSettings, WrittenChain } from './write-chain.ts';
import { lastOfEach, memberLinks } from './write-memberships.ts';
import { headeredJson } from './write-sync.ts';

/**
 * Queues each event of a chain for the servers that are in the room when it happens, and writes which are in it then.
 * Dendrite: nothing is queued for servers on its blacklist.
 * @returns the servers that something was queued for
 */
export async function writeFederation(
  transaction: Knex.Transaction,
  { room, links }: WrittenChain,
  { localServerNames, isTold = () => true }: Pick<ChainSettings, 'localServerNames' | 'isTold'>,
): Promise<ServerName[]> {
  const { roomId } = room;
  const users = await countJoinedHosts(transaction, roomId);
  const peeking = await listPeekingHosts(transaction, roomId);
  const others = [...users.keys(), ...peeking].filter((name) => !localServerNames.includes(name));
  const blacklisted = new Set(await listBlacklisted(transaction, others));
  const members = memberLinks(links);
  const memberOf = new Map(members.map((member) => [member.link, member]));

  const pdus = links.map((link) => {
    const joined = [...users].filter(([, count]) => count > 0).map(([name]) => name);
    const destinations = [...new Set([...joined, ...peeking])].filter(
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
  await enqueuePdus(transaction, pdus);

  const left = members.flatMap(({ link, before }) =>
    before === 'join' && link.replaces ? [link.replaces.eventId] : [],
  );
  const joins = lastOfEach(members).filter(({ membership }) => membership === 'join');
  await updateJoinedHosts(
    transaction,
    roomId,
    left,
    joins.map(({ link, userId }) => ({ eventId: link.stored.eventId, serverName: splitUserId(userId).serverName })),
  );
  return [...new Set(pdus.flatMap(({ destinations }) => destinations))];
}
