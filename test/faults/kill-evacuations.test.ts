import { expect, it } from 'vitest';
import { makeRoom, userNamed } from '../../bench/room-data.ts';
import {
  expectWholeRooms,
  joinedUsers,
  KILLS_TIMEOUT_MS,
  killAtRandomMoments,
  SERVER_NAME,
} from '../support/killed-operation.ts';

/** Number of members. It is more than one step of an evacuation makes leave. */
const MEMBERS = 1_400;
/** Number of rooms with messages to redact. */
const SPAMMED_ROOMS = 3;
/** Number of messages in each of these rooms. It is more than one step redacts. */
const SPAM = 260;

it(
  'kill -9 at any moment of a room evacuation: every user leaves exactly once',
  () =>
    killAtRandomMoments(async (db, admin) => {
      const roomId = await makeRoom(db, admin.rooms, 'creator', MEMBERS - 1);
      return {
        call: { name: 'evacuateRoom', input: { roomId } },
        underWay: expectWholeRooms,
        ended: async (copy, { affected }) => {
          expect(new Set(affected as readonly string[]).size).toBe(MEMBERS);
          expect(affected).toHaveLength(MEMBERS);
          expect(await joinedUsers(copy, { room_id: roomId })).toEqual([]);
          const leaves = await copy('syncapi_output_room_events').where({ room_id: roomId, type: 'm.room.member' });
          expect(leaves).toHaveLength(2 * MEMBERS);
        },
      };
    }),
  KILLS_TIMEOUT_MS,
);

it(
  'kill -9 at any moment of the redaction of a user: every message is redacted exactly once',
  () =>
    killAtRandomMoments(async (db, admin) => {
      const userId = userNamed('spammer');
      const join = { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } };
      const url = `mxc://${SERVER_NAME}/spam`;
      const message = { type: 'm.room.message', sender: userId, content: { msgtype: 'm.image', body: 'spam', url } };
      await db('mediaapi_media_repository').insert({
        media_id: 'spam',
        media_origin: SERVER_NAME,
        content_type: 'image/png',
        file_size_bytes: 1,
        creation_ts: 1,
        upload_name: '',
        base64hash: 'spam'.padEnd(43, '0'),
        user_id: userId,
      });
      for (let i = 0; i < SPAMMED_ROOMS; i += 1) {
        const roomId = await makeRoom(db, admin.rooms, `owner${i}`, 0);
        const drafts = [join, ...Array.from({ length: SPAM }, () => message)];
        await db.transaction((transaction) => admin.rooms.append(transaction, roomId, drafts));
      }
      return {
        call: { name: 'redactUserEvents', input: { userId, rooms: [], media: 'delete' } },
        underWay: expectWholeRooms,
        ended: async (copy, { redacted, media }) => {
          expect(media).toBe(1);
          expect(await copy('mediaapi_media_repository')).toEqual([]);
          expect(await copy('matrix_admin.media_removals')).toEqual([]);
          expect(redacted).toBe(SPAMMED_ROOMS * (SPAM + 1));
          const targets: string[] = await copy('roomserver_redactions')
            .where({ validated: true })
            .pluck('redacts_event_id');
          expect(targets).toHaveLength(SPAMMED_ROOMS * (SPAM + 1));
          expect(new Set(targets).size).toBe(targets.length);
          expect(await copy('matrix_admin.search_documents').where('text', 'spam')).toEqual([]);
        },
      };
    }),
  KILLS_TIMEOUT_MS,
);
