import { setTimeout as delay } from 'node:timers/promises';
import type { RoomId, ServerName } from '../../ids.ts';
import { findQueueEntries, listWaitingServers } from '../../storage/federation/queue.ts';
import type { JobScope } from '../define-operation.ts';

/** Time between two reads of the queue, in ms. */
const POLL_MS = 250;

/**
 * Waits until the queued events of a room have been sent to other servers, but at most `limitMs`. Does not wait if the host has
 * no federation sender.
 * @returns the servers for which events of the room are still queued
 */
export async function awaitDelivery(
  { reader, federation, signal }: Pick<JobScope, 'reader' | 'federation' | 'signal'>,
  roomId: RoomId,
  limitMs: number,
): Promise<readonly ServerName[]> {
  const giveUpAt = Date.now() + (federation === undefined ? 0 : limitMs);
  const nids = new Set<number>();
  for (let newest = 0; ; ) {
    const queued = await findQueueEntries(reader(), roomId, newest);
    for (const nid of queued.nids) nids.add(nid);
    ({ newest } = queued);
    const waiting = await listWaitingServers(reader(), [...nids]);
    if (waiting.length === 0 || Date.now() >= giveUpAt) return waiting;
    await delay(POLL_MS, undefined, { signal });
  }
}
