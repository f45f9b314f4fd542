import { listAccountData } from '../../storage/userapi/account-data.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireAccount } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

type DataByType = Readonly<Record<string, unknown>>;

/** A user's account data. `global` contains the data that belongs to no room. */
export interface AccountDataOfUser {
  readonly global: DataByType;
  /** For each room id, the data that belongs to the room. */
  readonly rooms: Readonly<Record<string, DataByType>>;
}

/**
 * Shows all account data of a local user. The push rules are included, because the specification treats them as account data.
 * Synapse's route is `GET /_synapse/admin/v1/users/{userId}/accountdata`. Synapse leaves out push rules.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const getAccountData = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  run: async (scope, { userId }): Promise<AccountDataOfUser> => {
    await requireAccount(scope, userId);
    const data = await listAccountData(scope.db, userId);
    const of = (wanted: string): DataByType =>
      Object.fromEntries(data.filter(({ roomId }) => roomId === wanted).map(({ type, content }) => [type, content]));
    const rooms = [...new Set(data.map(({ roomId }) => roomId))].filter((roomId) => roomId !== '');
    return { global: of(''), rooms: Object.fromEntries(rooms.map((roomId) => [roomId, of(roomId)])) };
  },
});
