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

/** Maximum length of a value that an error message repeats, in UTF-16 code units. */
const LONGEST_SHOWN = 255;

const made =
  <Id extends string>(isId: (value: string) => value is string & Id, name: string) =>
  (value: string): Id => {
    if (!isId(value))
      throw new MatrixError('M_INVALID_PARAM', `not ${name}: ${JSON.stringify(value.slice(0, LONGEST_SHOWN))}`);
    return value;
  };

/** Checks that a string is a server name, and returns it. @throws MatrixError `M_INVALID_PARAM` if the string is not one */
export const serverName: (value: string) => ServerName = made<ServerName>(isServerName, 'a server name');
/** Checks that a string is a user id, and returns it. @throws MatrixError `M_INVALID_PARAM` if the string is not one */
export const userId: (value: string) => UserId = made<UserId>(isUserId, 'a user id');
/** Checks that a string is a room id, and returns it. @throws MatrixError `M_INVALID_PARAM` if the string is not one */
export const roomId: (value: string) => RoomId = made<RoomId>(isRoomId, 'a room id');
/** Checks that a string is an event id, and returns it. @throws MatrixError `M_INVALID_PARAM` if the string is not one */
export const eventId: (value: string) => EventId = made<EventId>(isEventId, 'an event id');
