import type { UserId } from '../ids.ts';
import type { Profile } from '../storage/userapi/profiles.ts';
import type { RoomEventDraft } from './event-chain.ts';

/** Makes the draft of a local user's join event, with the display name and avatar of the given profile. */
export const joinOf = (userId: UserId, profile: Profile | undefined): RoomEventDraft => ({
  type: 'm.room.member',
  sender: userId,
  stateKey: userId,
  content: {
    membership: 'join',
    ...(profile?.displayName && { displayname: profile.displayName }),
    ...(profile?.avatarUrl && { avatar_url: profile.avatarUrl }),
  },
});
