import { expect, it } from 'vitest';
import { makeRoom, userNamed } from '../../bench/room-data.ts';
import type { RoomId, UserId } from '../../src/ids.ts';
import { addAccount } from '../support/dendrite-server.ts';
import {
  expectWholeRooms,
  joinedUsers,
  KILLS_TIMEOUT_MS,
  killAtRandomMoments,
  SERVER_NAME,
} from '../support/killed-operation.ts';

/** Number of rooms that the user leaves. The evacuation needs more than two steps for them. */
const ROOMS = 110;
/** Number of users who get the notice. */
const PEOPLE = 70;

it(
  'kill -9 at any moment of a user evacuation: the user leaves every room',
  () =>
    killAtRandomMoments(async (db, admin) => {
      const userId = userNamed('everywhere');
      const joining = { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } };
      const rooms: RoomId[] = [];
      for (let i = 0; i < ROOMS; i += 1) {
        const roomId = await makeRoom(db, admin.rooms, `owner${i}`, 0);
        await db.transaction((transaction) => admin.rooms.append(transaction, roomId, [joining]));
        rooms.push(roomId);
      }
      return {
        call: { name: 'evacuateUser', input: { userId } },
        underWay: expectWholeRooms,
        ended: async (copy, { affected }) => {
          expect([...(affected as readonly string[])].sort()).toEqual([...rooms].sort());
          expect(await joinedUsers(copy, { state_key: userId })).toEqual([]);
        },
      };
    }),
  KILLS_TIMEOUT_MS,
);

it(
  'kill -9 at any moment of a notice to all users: every user receives it once',
  () =>
    killAtRandomMoments(async (db) => {
      const people: UserId[] = [];
      for (let i = 0; i < PEOPLE; i += 1) {
        await addAccount(db, { localpart: `person${i}`, serverName: SERVER_NAME, accountType: 1 });
        people.push(userNamed(`person${i}`));
      }
      const content = { msgtype: 'm.text', body: 'to all' };
      return {
        call: { name: 'sendServerNotices', input: { content } },
        underWay: expectWholeRooms,
        ended: async (copy, { sent }) => {
          expect(sent).toBe(PEOPLE);
          const notices = await copy('syncapi_output_room_events').where('headered_event_json', 'like', '%to all%');
          expect(notices).toHaveLength(PEOPLE);
          const tagged: string[] = await copy('userapi_account_datas').where({ type: 'm.tag' }).pluck('localpart');
          expect([...tagged].sort()).toEqual(people.map((userId) => userId.slice(1, userId.indexOf(':'))).sort());
        },
      };
    }),
  KILLS_TIMEOUT_MS,
);
