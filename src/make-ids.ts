import { MatrixError } from './errors.ts';
import {
  type EventId,
  isEventId,
  isRoomId,
  isServerName,
  isUserId,
  type RoomId,
  type ServerName,
  type UserId,
} from './ids.ts';

/** Errors repeat no more of a string than this, in UTF-16 code units. */
const LONGEST_SHOWN = 255;

const made =
  <Id extends string>(isId: (value: string) => value is string & Id, name: string) =>
  (value: string): Id => {
    if (!isId(value))
      throw new MatrixError('M_INVALID_PARAM', `not ${name}: ${JSON.stringify(value.slice(0, LONGEST_SHOWN))}`);
    return value;
  };

/** Makes a server name of a string. @throws MatrixError `M_INVALID_PARAM` when it is none */
export const serverName: (value: string) => ServerName = made<ServerName>(isServerName, 'a server name');
/** Makes a user id of a string. @throws MatrixError `M_INVALID_PARAM` when it is none */
export const userId: (value: string) => UserId = made<UserId>(isUserId, 'a user id');
/** Makes a room id of a string. @throws MatrixError `M_INVALID_PARAM` when it is none */
export const roomId: (value: string) => RoomId = made<RoomId>(isRoomId, 'a room id');
/** Makes an event id of a string. @throws MatrixError `M_INVALID_PARAM` when it is none */
export const eventId: (value: string) => EventId = made<EventId>(isEventId, 'an event id');
