import type { Knex } from 'knex';
import { ACCOUNT_TYPE } from '../accounts/account-type.ts';
import { createAccount } from '../accounts/create-account.ts';
import { MatrixError } from '../errors.ts';
import { type EventId, isRoomId, type RoomId, splitUserId, type UserId, userIdOf } from '../ids.ts';
import { isRecord } from '../json.ts';
import { stateName } from '../matrix/auth-events.ts';
import { membershipOf } from '../matrix/auth-state.ts';
import { roomVersionOf } from '../matrix/room-version.ts';
import { lockNotices, lockNoticesAccount } from '../storage/database.ts';
import { findRoom } from '../storage/roomserver/rooms.ts';
import { listRoomAccountData, upsertAccountData } from '../storage/userapi/account-data.ts';
import { isAccount } from '../storage/userapi/accounts.ts';
import { findProfile, upsertProfile } from '../storage/userapi/profiles.ts';
import { DEFAULT_POWER_LEVELS } from './default-power-levels.ts';
import { type RoomEventDraft, stateDraftsOf } from './event-chain.ts';
import type { RoomStates } from './room-states.ts';
import type { Appended, RoomWriter } from './room-writer.ts';

/** The account that sends server notices, and the rooms in which users receive them. */
export interface ServerNoticesConfig {
  readonly localpart: string;
  readonly displayName: string;
  readonly avatarUrl: string;
  readonly roomName: string;
  readonly roomVersion: string;
}

/** A message from the server to one of its users, as an event to send. */
export interface Notice {
  readonly userId: UserId;
  readonly type: string;
  readonly stateKey?: string | undefined;
  readonly content: Readonly<Record<string, unknown>>;
}

export interface SentNotice {
  readonly eventId: EventId;
  readonly appended: Appended;
}

/** The tag of a room with server notices. Source: Client-Server API, "Server Notices". */
const NOTICE_TAG = 'm.server_notice';
const TAGS = 'm.tag';

/**
 * Power levels of a room for server notices, as in Dendrite. The recipient has the power level `READER_LEVEL`, and so cannot
 * write in the room.
 */
const POWER_LEVELS = { ...DEFAULT_POWER_LEVELS, invite: 0, notifications: { room: 50 }, users_default: 0 };
const READER_LEVEL = -10;
const SENDER_LEVEL = 100;

/**
 * Sends server notices. Each recipient has one room in which the notices arrive. `send()` creates this room if it does not
 * exist. If the recipient has left the room, `send()` writes a new invite first.
 * @internal
 */
export interface ServerNotices {
  /** Localpart of the account that sends notices. Each local server name has an account with this localpart. */
  readonly localpart: string;
  /**
   * Prepares a transaction that sends notices to several local users: creates the sending accounts and locks the recipients.
   * The caller calls `begin()` once before the first `send()`. `send()` changes rows that all rooms share, and other
   * transactions wait for these rows. So a transaction should do all other work before the first `send()`.
   */
  readonly begin: (transaction: Knex.Transaction, userIds: readonly UserId[]) => Promise<void>;
  /**
   * Sends a notice to a local user. If this call succeeds, the caller must commit the transaction.
   * @throws MatrixError `M_NOT_FOUND` if the user does not exist or is the sending account itself; `M_FORBIDDEN`, `M_BAD_JSON`
   * or `M_TOO_LARGE` if the notice cannot be an event of the room
   */
  readonly send: (transaction: Knex.Transaction, notice: Notice) => Promise<SentNotice>;
}

export function createServerNotices(config: ServerNoticesConfig, roomWriter: RoomWriter): ServerNotices {
  const { displayName, avatarUrl } = config;
  const profile = { displayname: displayName, ...(avatarUrl !== '' && { avatar_url: avatarUrl }) };

  const join = (sender: UserId): RoomEventDraft => ({
    type: 'm.room.member',
    sender,
    stateKey: sender,
    content: { ...profile, membership: 'join' },
  });
  const invite = (sender: UserId, userId: UserId): RoomEventDraft => ({
    type: 'm.room.member',
    sender,
    stateKey: userId,
    content: { membership: 'invite' },
  });

  const createRoom = async (
    transaction: Knex.Transaction,
    sender: UserId,
    userId: UserId,
    notice: RoomEventDraft,
  ): Promise<Appended> => {
    const { roomVersion, roomName } = config;
    const isPrivileged = roomVersionOf(roomVersion).privilegedCreators;
    const users = { ...(!isPrivileged && { [sender]: SENDER_LEVEL }), [userId]: READER_LEVEL };
    const state = stateDraftsOf(sender);
    const appended = await roomWriter.create(transaction, {
      version: roomVersion,
      creator: sender,
      content: { 'm.federate': false },
      drafts: [
        join(sender),
        state('m.room.power_levels', { ...POWER_LEVELS, users }),
        state('m.room.join_rules', { join_rule: 'invite' }),
        state('m.room.history_visibility', { history_visibility: 'shared' }),
        state('m.room.guest_access', { guest_access: 'can_join' }),
        state('m.room.name', { name: roomName }),
        invite(sender, userId),
        notice,
      ],
    });
    const tags = { tags: { [NOTICE_TAG]: { order: 1 } } };
    await upsertAccountData(transaction, { userId, roomId: appended.roomId, type: TAGS, content: tags });
    return appended;
  };

  const appendTo = (transaction: Knex.Transaction, room: NoticeRoom, notice: RoomEventDraft): Promise<Appended> => {
    const { sender } = notice;
    const isUpToDate = JSON.stringify(room.profile) === JSON.stringify([displayName, avatarUrl]);
    return roomWriter.append(transaction, room.roomId, [
      ...(isUpToDate ? [] : [join(sender)]),
      ...(room.membership === 'leave' ? [invite(sender, room.userId)] : []),
      notice,
    ]);
  };

  const senderFor = (userId: UserId): UserId => userIdOf(config.localpart, splitUserId(userId).serverName);
  const begin = async (transaction: Knex.Transaction, userIds: readonly UserId[]): Promise<void> => {
    // This function locks the sending account before it locks the recipients. Every transaction must use this order, because
    // two transactions with different orders could deadlock.
    for (const sender of new Set(userIds.map(senderFor).sort())) await keepAccount(transaction, sender, config);
    await lockNotices(transaction, userIds);
  };

  return {
    localpart: config.localpart,
    begin,
    send: async (transaction, { userId, type, stateKey, content }) => {
      const sender = senderFor(userId);
      if (userId === sender || !(await isAccount(transaction, userId))) {
        throw new MatrixError('M_NOT_FOUND', 'User not found');
      }
      await begin(transaction, [userId]);
      const draft = { type, sender, content, ...(stateKey !== undefined && { stateKey }) };
      const room = await findNoticeRoom(roomWriter.states, transaction, sender, userId);
      const appended =
        room === undefined
          ? await createRoom(transaction, sender, userId, draft)
          : await appendTo(transaction, room, draft);
      const sent = appended.events.find((event) => event.draft === draft);
      if (sent === undefined)
        throw appended.refused.at(-1)?.error ?? new MatrixError('M_FORBIDDEN', 'the room does not accept the notice');
      return { eventId: sent.eventId, appended };
    },
  };
}

/**
 * Creates the account that sends notices if the account does not exist. Sets the profile of the account to the configured
 * display name and avatar.
 */
async function keepAccount(
  transaction: Knex.Transaction,
  userId: UserId,
  { displayName, avatarUrl }: ServerNoticesConfig,
): Promise<void> {
  const profile = await findProfile(transaction, userId);
  if (profile?.displayName === displayName && profile.avatarUrl === avatarUrl) return;
  // With this lock, two transactions that send notices at the same time do not both create the account.
  await lockNoticesAccount(transaction);
  if (profile === undefined && !(await isAccount(transaction, userId))) {
    await createAccount(transaction, { userId, passwordHash: '', accountType: ACCOUNT_TYPE.user, displayName });
  }
  await upsertProfile(transaction, userId, { displayName, avatarUrl });
}

/** A room for server notices, as `findNoticeRoom()` finds it. */
interface NoticeRoom {
  readonly roomId: RoomId;
  readonly userId: UserId;
  /** The recipient's membership in the room. */
  readonly membership: unknown;
  /** Display name and avatar of the sending account in the room. */
  readonly profile: readonly unknown[];
}

/**
 * The memberships that a recipient may have in a room that receives notices. If the recipient has several such rooms, the room
 * with the earlier membership in this list receives the notice.
 */
const ORDER: readonly unknown[] = ['join', 'invite', 'knock', 'leave'];

/**
 * Finds the recipient's room for notices. In the recipient's account data, this room has the tag `m.server_notice`. The sending
 * account has created the room and is still in it, and the recipient is not banned. Returns `undefined` if there is no such
 * room.
 */
async function findNoticeRoom(
  states: RoomStates,
  transaction: Knex.Transaction,
  sender: UserId,
  userId: UserId,
): Promise<NoticeRoom | undefined> {
  const tagged = [...(await listRoomAccountData(transaction, userId, TAGS))].filter(
    ([, content]) => isRecord(content) && isRecord(content.tags) && Object.hasOwn(content.tags, NOTICE_TAG),
  );
  const rooms: NoticeRoom[] = [];
  for (const [roomId] of tagged) {
    const room = isRoomId(roomId) ? await findRoom(transaction, roomId) : undefined;
    if (room === undefined || room.latestEventNids.length === 0) continue;
    const state = await states.load(transaction, room.stateSnapshotNid, [
      ['m.room.create', ''],
      ['m.room.member', sender],
      ['m.room.member', userId],
    ]);
    const own = state.events.get(stateName('m.room.member', sender))?.event;
    const isOwn = state.events.get(stateName('m.room.create', ''))?.event.sender === sender;
    if (!isOwn || membershipOf(own) !== 'join') continue;
    const content = isRecord(own?.content) ? own.content : {};
    rooms.push({
      roomId: room.roomId,
      userId,
      membership: membershipOf(state.events.get(stateName('m.room.member', userId))?.event),
      profile: [content.displayname ?? '', content.avatar_url ?? ''],
    });
  }
  return rooms
    .filter(({ membership }) => ORDER.includes(membership))
    .sort((a, b) => ORDER.indexOf(a.membership) - ORDER.indexOf(b.membership))[0];
}
