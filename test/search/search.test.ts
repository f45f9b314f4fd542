import fc from 'fast-check';
import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RoomId } from '../../src/ids.ts';
import { disabledSearch } from '../../src/search/search.ts';
import {
  BOB,
  editOf,
  encryptRoom,
  indexedDocuments,
  indexedTexts,
  insertEvents,
  messageOf,
  ROOM,
  redactionOf,
  redactRow,
  type TestEvent,
} from '../support/event-rows.ts';
import { isSomebodyWaiting, type PluginOnDatabase, startPluginOnDatabase, until } from '../support/search-plugin.ts';

let plugin: PluginOnDatabase;
let db: Knex;

beforeAll(async () => {
  plugin = await startPluginOnDatabase();
  ({ db } = plugin);
});
afterAll(() => plugin.close());
beforeEach(clear);

async function clear(): Promise<void> {
  await db.raw(
    `TRUNCATE public.syncapi_output_room_events, public.syncapi_current_room_state, matrix_admin.search_documents,
     matrix_admin.search_edits, matrix_admin.search_changes`,
  );
}

/** Writes events and applies them to the index in one transaction, as a homeserver does. */
async function send(...events: readonly TestEvent[]): Promise<void> {
  await db.transaction(async (transaction) => {
    await insertEvents(transaction, events);
    await plugin.admin.events.apply(events, { transaction });
  });
}

async function redact(eventId: string, redaction = redactionOf(`$r-${eventId.slice(1)}`, eventId)): Promise<void> {
  await db.transaction(async (transaction) => {
    await insertEvents(transaction, [redaction]);
    await redactRow(transaction, eventId, redaction.event_id);
    await plugin.admin.events.apply([redaction], { transaction });
  });
}

async function encrypt(roomId: string, eventId: string, stateKey = ''): Promise<void> {
  const event = messageOf(eventId, '', { room_id: roomId, type: 'm.room.encryption', state_key: stateKey });
  await db.transaction(async (transaction) => {
    await insertEvents(transaction, [event]);
    await encryptRoom(transaction, roomId, eventId, stateKey);
    await plugin.admin.events.apply([event], { transaction });
  });
}

describe('new events', () => {
  it('are found by message, name and topic', async () => {
    await send(
      messageOf('$m:x', 'gardening tips'),
      messageOf('$n:x', '', { type: 'm.room.name', state_key: '', content: { name: 'Gardening' } }),
      messageOf('$t:x', '', { type: 'm.room.topic', state_key: '', content: { topic: 'All about GARDENING' } }),
      messageOf('$other:x', '', { type: 'm.room.member', state_key: '@a:x', content: { displayname: 'gardening' } }),
    );
    expect(await plugin.find('gardening')).toEqual(['$t:x', '$n:x', '$m:x']);
    expect(await plugin.find('gardening', { keys: ['content.name'] })).toEqual(['$n:x']);
    const { hits, count, highlights } = await plugin.admin.search.search({
      term: 'gardening',
      rooms: [ROOM as RoomId],
    });
    expect(count).toBe(3);
    expect(hits.map(({ text }) => text).sort()).toEqual(['All about GARDENING', 'Gardening', 'gardening tips']);
    expect([...highlights].sort()).toEqual(['GARDENING', 'Gardening', 'gardening']);
  });

  it('are found after the commit of their transaction, and never after a rollback', async () => {
    const transaction = await db.transaction();
    await insertEvents(transaction, [messageOf('$a:x', 'undecided')]);
    await plugin.admin.events.apply([messageOf('$a:x', 'undecided')], { transaction });
    expect(await plugin.find('undecided')).toEqual([]);
    await transaction.rollback();
    expect(await plugin.find('undecided')).toEqual([]);
    await send(messageOf('$a:x', 'undecided'));
    expect(await plugin.find('undecided')).toEqual(['$a:x']);
  });

  it('can be applied after the commit', async () => {
    await insertEvents(db, [messageOf('$a:x', 'late')]);
    await plugin.admin.events.apply([messageOf('$a:x', 'late')]);
    expect(await plugin.find('late')).toEqual(['$a:x']);
  });

  it('may be applied twice, and before they are stored', async () => {
    await plugin.admin.events.apply([messageOf('$a:x', 'word')]);
    expect(await plugin.find('word')).toEqual([]);
    await send(messageOf('$a:x', 'word'));
    await plugin.admin.events.apply([messageOf('$a:x', 'word'), messageOf('$a:x', 'word')]);
    expect(await plugin.find('word')).toEqual(['$a:x']);
  });

  it('are indexed with the stored text, not with the text of the call', async () => {
    await insertEvents(db, [messageOf('$a:x', 'stored')]);
    await plugin.admin.events.apply([messageOf('$a:x', 'claimed')]);
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'stored' });
  });

  it.each([[7], [null], [['x']], [{ body: 'x' }], [''], ['  '], ['\0'], [undefined]])(
    'are not indexed if their body is %j',
    async (body) => {
      await send(messageOf('$a:x', body), messageOf('$b:x', 'text'));
      expect(await indexedTexts(db)).toEqual({ '$b:x': 'text' });
    },
  );

  it('of a huge size are found by their beginning', async () => {
    await send(messageOf('$a:x', `beginning ${'filler '.repeat(8_000)} ending`));
    expect(await plugin.find('beginning filler')).toEqual(['$a:x']);
    expect(await plugin.find('ending')).toEqual([]);
  });

  it.each([
    ['half a surrogate pair', 'half \ud83d found'],
    ['NUL', 'a\0b found'],
    ['the separator of columns', 'a\u001fb found'],
    ['quotes', `found ' " \\ : & | ! ( <`],
    ['a word of 2 KiB', `found ${'x'.repeat(2_048)}`],
  ])('with %s are found, and do not disturb others', async (_, body) => {
    await send(messageOf('$a:x', 'first found'), messageOf('$b:x', body), messageOf('$c:x', 'third found'));
    expect(await plugin.find('found')).toEqual(['$c:x', '$b:x', '$a:x']);
    expect(await plugin.find('third')).toEqual(['$c:x']);
  });

  it('with impossible ids are not indexed, and do not disturb others', async () => {
    await send(
      messageOf('$a\u001fb:x', 'forged'),
      messageOf('$a b:x', 'true'),
      messageOf('$c:x', 'also', { sender: '@a\u001f:x' }),
    );
    expect(await indexedTexts(db)).toEqual({ '$a b:x': 'true' });
  });

  it('that name other events by impossible ids do not fail', async () => {
    for (const [index, id] of ['$a\0b:x', '$\ud800', `$${'a'.repeat(60_000)}:x`, '', '!x:y'].entries()) {
      await send(editOf(`$edit${index}:x`, id, 'text'), redactionOf(`$redaction${index}:x`, id));
    }
    expect(Object.keys(await indexedTexts(db))).toHaveLength(5);
  });
});

describe('rooms', () => {
  it('are separate even if their ids differ only in case or Unicode form', async () => {
    const rooms = [
      '!Caf\u00e9:x',
      '!caf\u00e9:x',
      '!Cafe\u0301:x',
      '!Caf\u00e9:X',
      '!Caf\u00e9\u200b:x',
      '!Ｃaf\u00e9:x',
    ];
    await send(...rooms.map((room_id, index) => messageOf(`$${index}:x`, 'confidential', { room_id })));
    for (const [index, room] of rooms.entries()) {
      expect(await plugin.find('confidential', { rooms: [room] })).toEqual([`$${index}:x`]);
    }
    expect(await plugin.find('confidential', { rooms: [] })).toEqual([]);
    expect(await plugin.find('confidential', { rooms: ['!elsewhere:x'] })).toEqual([]);
  });

  it('that are encrypted are not indexed', async () => {
    await encrypt(ROOM, '$enc:x');
    await send(messageOf('$a:x', 'in clear'), messageOf('$b:x', 'elsewhere', { room_id: '!b:x' }));
    expect(await indexedTexts(db)).toEqual({ '$b:x': 'elsewhere' });
  });

  it('that become encrypted are removed from the index', async () => {
    await send(
      messageOf('$a:x', 'one'),
      messageOf('$b:x', 'two', { room_id: '!b:x' }),
      editOf('$e:x', '$a:x', 'three'),
    );
    await encrypt(ROOM, '$enc:x');
    expect(await indexedTexts(db)).toEqual({ '$b:x': 'two' });
    await send(editOf('$e2:x', '$a:x', 'four'));
    expect(await indexedTexts(db)).toEqual({ '$b:x': 'two' });
  });

  it('stay indexed after a state event that only looks like encryption', async () => {
    await send(messageOf('$a:x', 'one'));
    await encrypt(ROOM, '$enc:x', 'some key');
    await send(messageOf('$m:x', '', { type: 'm.room.encryption', content: { algorithm: 'x' } }));
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'one' });
  });
});

describe('redactions', () => {
  it.each([
    ['at the top', redactionOf('$r:x', '$a:x', { content: {} })],
    ['in the content', messageOf('$r:x', '', { type: 'm.room.redaction', content: { redacts: '$a:x' } })],
    ['in both places', redactionOf('$r:x', '$a:x')],
  ])('with the id %s remove the event', async (_, redaction) => {
    await send(messageOf('$a:x', 'secret'), messageOf('$b:x', 'secret'));
    await redact('$a:x', redaction);
    expect(await plugin.find('secret')).toEqual(['$b:x']);
  });

  it('that have no effect change nothing', async () => {
    await send(messageOf('$a:x', 'kept'));
    await send(redactionOf('$r:x', '$a:x'), redactionOf('$r2:x', '$unknown:x'));
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'kept' });
  });

  it('are rolled back with their transaction', async () => {
    await send(messageOf('$a:x', 'kept'));
    const transaction = await db.transaction();
    await redactRow(transaction, '$a:x', '$r:x');
    await plugin.admin.events.apply([redactionOf('$r:x', '$a:x')], { transaction });
    await transaction.rollback();
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'kept' });
  });

  it('cannot be undone from another room at the same time', async () => {
    await send(messageOf('$a:x', 'secret'));
    const redaction = await db.transaction();
    await redactRow(redaction, '$a:x', '$r:x');
    await plugin.admin.events.apply([redactionOf('$r:x', '$a:x')], { transaction: redaction });
    const elsewhere = send(
      redactionOf('$forged:x', '$a:x', { room_id: '!b:x' }),
      editOf('$forged2:x', '$a:x', 'x', { room_id: '!b:x' }),
    );
    await until(() => isSomebodyWaiting(db));
    await redaction.commit();
    await elsewhere;
    expect(await plugin.find('secret', { rooms: [ROOM, '!b:x'] })).toEqual([]);
  });
});

describe('edits', () => {
  beforeEach(() => send(messageOf('$a:x', 'original', { origin_server_ts: 1 })));

  it('are found by their new text, under their own id, but the edited event is not', async () => {
    await send(editOf('$e1:x', '$a:x', 'second', { origin_server_ts: 2 }));
    expect(await indexedTexts(db)).toEqual({ '$e1:x': 'second' });
    await send(editOf('$e2:x', '$a:x', 'third', { origin_server_ts: 3 }));
    expect(await indexedTexts(db)).toEqual({ '$e2:x': 'third' });
  });

  it('are ordered by their own time, not by their arrival', async () => {
    await send(editOf('$e2:x', '$a:x', 'third', { origin_server_ts: 3 }));
    await send(editOf('$e1:x', '$a:x', 'second', { origin_server_ts: 2 }));
    expect(await indexedTexts(db)).toEqual({ '$e2:x': 'third' });
  });

  it('of the same time are ordered by their id', async () => {
    for (const id of ['$e2:x', '$e3:x', '$e1:x']) await send(editOf(id, '$a:x', id, { origin_server_ts: 5 }));
    expect(await indexedTexts(db)).toEqual({ '$e3:x': '$e3:x' });
  });

  it('by other users or in other rooms are ordinary messages', async () => {
    await send(
      editOf('$e1:x', '$a:x', 'forged', { sender: BOB }),
      editOf('$e2:x', '$a:x', 'forged', { room_id: '!b:x' }),
    );
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'original', '$e1:x': '* forged', '$e2:x': '* forged' });
  });

  it('of edits are ordinary messages, and do not change the edit', async () => {
    await send(editOf('$e1:x', '$a:x', 'second'));
    await send(editOf('$e2:x', '$e1:x', 'third'));
    expect(await indexedTexts(db)).toEqual({ '$e1:x': 'second', '$e2:x': '* third' });
  });

  it('may arrive before the edited event', async () => {
    await send(editOf('$e1:x', '$late:x', 'second'), editOf('$e2:x', '$late:x', 'forged', { sender: BOB }));
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'original', '$e1:x': 'second', '$e2:x': 'forged' });
    await send(messageOf('$late:x', 'first'));
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'original', '$e1:x': 'second', '$e2:x': '* forged' });
  });

  it('may be applied in one call with the edited event and with other edits', async () => {
    await send(
      editOf('$f2:x', '$f:x', 'third', { origin_server_ts: 3 }),
      messageOf('$f:x', 'first'),
      editOf('$f1:x', '$f:x', 'second'),
    );
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'original', '$f2:x': 'third' });
  });

  it('are replaced by the previous text when they are redacted', async () => {
    await send(
      editOf('$e1:x', '$a:x', 'second', { origin_server_ts: 2 }),
      editOf('$e2:x', '$a:x', 'third', { origin_server_ts: 3 }),
    );
    await redact('$e2:x');
    expect(await indexedTexts(db)).toEqual({ '$e1:x': 'second' });
    await redact('$e1:x');
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'original' });
  });

  it('are removed when the edited event is redacted', async () => {
    await send(editOf('$e1:x', '$a:x', 'second'), editOf('$e2:x', '$a:x', 'third', { origin_server_ts: 3 }));
    await redact('$a:x');
    expect(await indexedTexts(db)).toEqual({});
    await send(editOf('$e3:x', '$a:x', 'too late'));
    expect(await indexedTexts(db)).toEqual({});
  });

  it('applied concurrently after their commits leave one text', async () => {
    for (let round = 0; round < 10; round++) {
      const edits = Array.from({ length: 6 }, (_, index) =>
        editOf(`$e${round}-${index}:x`, '$a:x', `edit ${round}-${index}`, {
          origin_server_ts: 10 + round * 10 + index,
        }),
      );
      await Promise.all(
        edits.map(async (edit) => {
          await insertEvents(db, [edit]);
          await plugin.admin.events.apply([edit]);
        }),
      );
      expect(await indexedTexts(db)).toEqual({ [`$e${round}-5:x`]: `edit ${round}-5` });
    }
  });
});

describe('search()', () => {
  it('refuses invalid requests', async () => {
    const rooms = [ROOM as RoomId];
    await expect(plugin.admin.search.search({ term: 'x'.repeat(1_001), rooms })).rejects.toMatchObject({
      errcode: 'M_INVALID_PARAM',
    });
    await expect(plugin.admin.search.search({ term: 'x', rooms, after: 'y' })).rejects.toMatchObject({
      errcode: 'M_INVALID_PARAM',
    });
    await expect(disabledSearch.search({ term: 'x', rooms })).rejects.toMatchObject({
      errcode: 'M_BAD_STATE',
      status: 400,
    });
  });

  it('pages', async () => {
    await send(...Array.from({ length: 25 }, (_, index) => messageOf(`$${index}:x`, `apple ${index}`)));
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await plugin.admin.search.search({
        term: 'apple',
        rooms: [ROOM as RoomId],
        limit: 10,
        ...(after !== undefined && { after }),
      });
      expect(page.count).toBe(25);
      seen.push(...page.hits.map(({ eventId }) => eventId));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
  });
});

type Step =
  | { readonly do: 'send' | 'name'; readonly room: number; readonly sender: number }
  | { readonly do: 'edit'; readonly of: number; readonly room: number; readonly sender: number; readonly ts: number }
  | { readonly do: 'redact'; readonly of: number; readonly forged: boolean }
  | { readonly do: 'encrypt'; readonly room: number };

const room = fc.constantFrom(0, 0, 0, 1);
const sender = fc.constantFrom(0, 0, 0, 1);
const of = fc.integer({ min: 0, max: 13 });
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('send' as const), room, sender }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('name' as const), room, sender }) },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('edit' as const), of, room, sender, ts: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('redact' as const), of, forged: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('encrypt' as const), room: fc.constant(1) }) },
  ),
  { minLength: 1, maxLength: 14 },
);

describe('the index after live changes', () => {
  /** Does one step. The name of its event is the number of the step, so earlier steps may already refer to the event. */
  async function perform(step: Step, number: number): Promise<void> {
    const id = `$${number}:x`;
    const at = (index: number): Partial<TestEvent> => ({ room_id: ['!a:x', '!b:x'][index] ?? '' });
    const by = (index: number): Partial<TestEvent> => ({ sender: ['@a:x', '@b:x'][index] ?? '' });
    if (step.do === 'send') await send(messageOf(id, `text ${number}`, { ...at(step.room), ...by(step.sender) }));
    if (step.do === 'name') {
      await send(
        messageOf(id, '', {
          type: 'm.room.name',
          state_key: '',
          content: { name: 'x' },
          ...at(step.room),
          ...by(step.sender),
        }),
      );
    }
    if (step.do === 'edit') {
      await send(
        editOf(id, `$${step.of}:x`, `edit ${number}`, {
          origin_server_ts: step.ts,
          ...at(step.room),
          ...by(step.sender),
        }),
      );
    }
    if (step.do === 'redact') {
      if (step.forged) await send(redactionOf(id, `$${step.of}:x`));
      else await redact(`$${step.of}:x`, redactionOf(id, `$${step.of}:x`));
    }
    if (step.do === 'encrypt' && !(await db('public.syncapi_current_room_state').first())) await encrypt('!b:x', id);
  }

  it.each([
    ['with what it learned live', false],
    ['from the events alone', true],
  ])(
    'is the same as after a reindex %s',
    async (_, forget) => {
      let documents = 0;
      await fc.assert(
        fc.asyncProperty(steps, async (sequence) => {
          await clear();
          for (const [number, step] of sequence.entries()) await perform(step, number);
          const live = await indexedDocuments(db);
          documents += live.length;
          if (forget) await db.raw('TRUNCATE matrix_admin.search_edits');
          expect((await plugin.reindex()).state).toBe('succeeded');
          expect(await indexedDocuments(db)).toEqual(live);
        }),
        { numRuns: 25 },
      );
      expect(documents).toBeGreaterThan(25);
    },
    60_000,
  );
});
