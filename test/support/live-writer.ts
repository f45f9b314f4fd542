import type { Knex } from 'knex';
import type { AdminPlugin } from '../../src/plugin.ts';
import { editOf, insertEvents, messageOf, redactionOf, redactRow, type TestEvent } from './event-rows.ts';

export interface LiveWriter {
  /** Stops the writer. */
  readonly stop: () => Promise<void>;
  /** Returns the content that the search index should have. `before` is the content without the writer, by event id. */
  readonly expected: (before?: Readonly<Record<string, string>>) => Record<string, string>;
}

export interface LiveWriterSettings {
  readonly db: Knex;
  readonly admin: Pick<AdminPlugin, 'events'>;
  /** The beginning of the ids of its messages. */
  readonly name: string;
  readonly roomId: string;
  /** Ids of messages that `@user:localhost` has sent to the room. The writer also redacts and edits these messages. */
  readonly others?: readonly string[];
  /** Whether the writer first locks the room's row, as a homeserver does. @defaultValue false */
  readonly locksRoom?: boolean;
  /** Returns random numbers from 0 to 1. */
  readonly random: () => number;
}

/** Starts a client that sends, edits and redacts messages all the time during a test. */
export function startLiveWriter(settings: LiveWriterSettings): LiveWriter {
  const { db, admin, name, roomId, random } = settings;
  const own = { room_id: roomId, sender: '@user:localhost' };
  /** For each message id: the text that a search should find, and the id under which it should find it. */
  const found = new Map<string, readonly [id: string, text: string]>();
  const redacted = new Set<string>();
  const untouched = [...(settings.others ?? [])];
  let stopped = false;
  let count = 0;

  const pick = (ids: readonly string[]): string | undefined => ids[Math.floor(random() * ids.length)];

  const write = async (event: TestEvent, target?: string): Promise<void> => {
    await db.transaction(async (transaction) => {
      if (settings.locksRoom) await transaction('public.roomserver_rooms').where('room_id', roomId).forUpdate();
      await insertEvents(transaction, [event]);
      if (target !== undefined) await redactRow(transaction, target, event.event_id);
      await admin.events.apply([event], { transaction });
    });
  };

  const turn = async (): Promise<void> => {
    count += 1;
    const id = `$${name}-${count}:x`;
    const chance = random();
    const mayPick = chance >= 0.4;
    const target = mayPick ? (random() < 0.3 ? untouched.pop() : pick([...found.keys()])) : undefined;
    if (target === undefined) {
      await write(messageOf(id, `sent ${name} ${count}`, own));
      found.set(id, [id, `sent ${name} ${count}`]);
    } else if (chance < 0.75) {
      await write(editOf(id, target, `edited ${name} ${count}`, { ...own, origin_server_ts: 2e12 + count }));
      found.set(target, [id, `edited ${name} ${count}`]);
    } else {
      await write(redactionOf(id, target, own), target);
      found.delete(target);
      redacted.add(target);
    }
  };

  const work = (async () => {
    while (!stopped) await turn();
  })();
  // If the work fails, `stop()` reports the error.
  work.catch(() => {});
  return {
    stop: async () => {
      stopped = true;
      await work;
    },
    expected: (before = {}) => {
      const left = Object.entries(before).filter(([id]) => !found.has(id) && !redacted.has(id));
      return Object.fromEntries([...left, ...found.values()]);
    },
  };
}
