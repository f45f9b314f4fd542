import type { Knex } from 'knex';
import type { AdminPlugin } from '../../src/plugin.ts';
import { editOf, insertEvents, messageOf, redactionOf, redactRow, type TestEvent } from './event-rows.ts';

export interface LiveWriter {
  /** Sends, edits and redacts, one after the other, until it is stopped. */
  readonly stop: () => Promise<void>;
  /** What the index must hold if it held these texts, by event id, without the writer. */
  readonly expected: (before?: Readonly<Record<string, string>>) => Record<string, string>;
}

export interface LiveWriterSettings {
  readonly db: Knex;
  readonly admin: Pick<AdminPlugin, 'search'>;
  /** Its messages have ids that start with this. */
  readonly name: string;
  readonly roomId: string;
  /** Ids of messages by `@user:localhost` in the room that it redacts and edits beside its own. */
  readonly others?: readonly string[];
  /** Whether it locks the row of the room first, as a homeserver does. @defaultValue false */
  readonly locksRoom?: boolean;
  /** Numbers from 0 to 1. */
  readonly random: () => number;
}

/** A client of the homeserver that goes on writing while something else happens. */
export function startLiveWriter(settings: LiveWriterSettings): LiveWriter {
  const { db, admin, name, roomId, random } = settings;
  const own = { room_id: roomId, sender: '@user:localhost' };
  /** Text by the id under which it is found, by the id of the message. */
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
      await admin.search.apply([event], { transaction });
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
  // Whoever stops the writer hears of it.
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
