import type { Knex } from 'knex';
import { SERVER_NAME } from './dendrite-server.ts';

interface RecordedUser {
  readonly name: string;
  /**
   * Time of the creation, in ms after the first user. Synapse counts in seconds, so users of the same second were created at
   * the same time.
   */
  readonly created: number;
  readonly displayName?: string | null;
  readonly avatarUrl?: string;
  readonly type?: number;
  readonly userType?: string;
  readonly lastSeen?: number;
  readonly deactivated?: boolean;
}

/** The users of the recorded Synapse, in the order of Dendrite's index of names. */
export const RECORDED_USERS: readonly RecordedUser[] = [
  { name: '1', created: 15_000, type: 2, lastSeen: 29_059 },
  { name: 'admin', created: 0, type: 3, lastSeen: 28_468 },
  { name: 'alice', created: 1_000, lastSeen: 24_066 },
  { name: 'bob', created: 2_000, displayName: 'Bob Builder', avatarUrl: 'mxc://localhost/avatarbob', lastSeen: 24_854 },
  { name: 'carol', created: 3_000, lastSeen: 26_202 },
  { name: 'dave', created: 4_000, lastSeen: 25_369 },
  { name: 'erin', created: 5_000, lastSeen: 28_888 },
  { name: 'frank', created: 6_000, lastSeen: 28_922 },
  { name: 'grace', created: 8_000, lastSeen: 28_951 },
  { name: 'heidi', created: 9_000, lastSeen: 28_981 },
  { name: 'helper', created: 19_000, userType: 'support' },
  { name: 'ivan', created: 17_000 },
  { name: 'judy', created: 17_000, type: 3 },
  { name: 'kate', created: 18_000, displayName: 'Kate K' },
  { name: 'kate2', created: 18_000, displayName: null },
  { name: 'kate3', created: 18_000 },
  { name: 'leo', created: 18_000 },
  { name: 'mike', created: 20_000 },
  { name: 'mike2', created: 21_000 },
  { name: 'nora', created: 22_000 },
  { name: 'oscar11', created: 28_000 },
  { name: 'oscar6', created: 24_000 },
  { name: 'oscar7n', created: 25_000 },
  { name: 'oscar9', created: 27_000 },
  { name: 'robot', created: 19_000, userType: 'bot' },
];

const START = 1_795_425_812_000;

/** Adds users to Dendrite's tables. */
export async function addUsers(db: Knex, users: readonly RecordedUser[]): Promise<void> {
  const owner = (user: RecordedUser): object => ({ localpart: user.name, server_name: SERVER_NAME });
  await db('public.userapi_accounts').insert(
    users.map((user) => ({
      ...owner(user),
      created_ts: START + user.created,
      password_hash: '',
      is_deactivated: user.deactivated ?? false,
      account_type: user.type ?? 1,
    })),
  );
  await db('public.userapi_profiles').insert(
    users.map((user) => ({
      ...owner(user),
      display_name: user.displayName === undefined ? user.name : user.displayName,
      avatar_url: user.avatarUrl ?? '',
    })),
  );
  const seen = users.filter(({ lastSeen }) => lastSeen !== undefined);
  if (seen.length > 0) {
    await db('public.userapi_devices').insert(
      seen.map((user) => ({
        ...owner(user),
        access_token: `token-of-${user.name}`,
        device_id: 'd',
        created_ts: START,
        last_seen_ts: START + (user.lastSeen ?? 0),
      })),
    );
  }
  const typed = users.filter(({ userType }) => userType !== undefined);
  if (typed.length > 0) {
    await db('matrix_admin.account_attributes').insert(
      typed.map(({ name, userType }) => ({ user_id: `@${name}:${SERVER_NAME}`, user_type: userType })),
    );
  }
}

/**
 * Replaces the users of the recorded Dendrite by the users of the recorded Synapse. `token-of-admin` is the access token of an
 * administrator.
 */
export async function replaceUsers(db: Knex): Promise<void> {
  for (const table of ['accounts', 'profiles', 'devices']) await db(`public.userapi_${table}`).delete();
  await addUsers(db, RECORDED_USERS);
}
