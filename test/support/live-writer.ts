import type { Knex } from 'knex';
import type { AdminPlugin } from '../../src/plugin.ts';
import { editOf, insertEvents, messageOf, redactionOf, redactRow, type TestEvent } from './event-rows.ts';

export interface LiveWriter {
  /** Stops the writer. */
  readonly stop: () => Promise<void>;
  /** The expected content of the index. `before` is the content without the writer, by event id. */
  readonly expected: (before?: Readonly<Record<string, string>>) => Record<string, string>;
}

export interface LiveWriterSettings {
  readonly db: Knex;
  readonly admin: Pick<AdminPlugin, 'events'>;
  /** Prefix of the ids of its messages. */
  readonly name: string;
  readonly roomId: string;
  /** Ids of messages by `@user:localhost` in the room. The writer also redacts and edits these. */
  readonly others?: readonly string[];
  /** Whether the writer first locks the room's row, like a homeserver. @defaultValue false */
  readonly locksRoom?: boolean;
  /** Returns numbers from 0 to 1. */
  readonly random: () => number;
}

/** Starts a client that keeps sending, editing and redacting messages during a test. */
export function startLiveWriter(settings: LiveWriterSettings): LiveWriter {
  const { db, admin, name, roomId, random } = settings;
  const own = { room_id: roomId, sender: '@user:localhost' };
  /** By message id: the searchable text, and the id under which it is found. */
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
  // `stop()` reports the error.
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
