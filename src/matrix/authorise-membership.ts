import type { KeyObject } from 'node:crypto';
import { isUserId, type UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import { type AuthState, type JudgedEvent, membershipOf } from './auth-state.ts';
import { isCreator, type Level, type PowerState, powerLevelOf, requiredLevel } from './power-levels.ts';
import type { RoomVersion } from './room-version.ts';
import { publicKeyOf } from './sign-event.ts';
import { isSignedBy } from './sign-json.ts';

/** A member event, and the state that decides whether the event is allowed. The target is the user whom the event concerns. */
interface Case {
  readonly event: JudgedEvent & { readonly stateKey: UserId };
  readonly state: AuthState;
  readonly power: PowerState;
  readonly version: RoomVersion;
  readonly senderMembership: unknown;
  readonly targetMembership: unknown;
}

type Verdict = string | undefined;

/**
 * Applies the authorisation rules to a member event.
 * @returns `undefined` if the event is allowed, else the reason why it is not
 */
export function authoriseMembership(
  event: JudgedEvent,
  state: AuthState,
  power: PowerState,
  version: RoomVersion,
): Verdict {
  const { stateKey, content, sender } = event;
  if (stateKey === undefined || !isUserId(stateKey)) return 'the member event names no user';
  const judge = Object.entries(JUDGES).find(([membership]) => membership === content.membership)?.[1];
  if (judge === undefined) return 'the membership is unknown';
  return judge({
    event: { ...event, stateKey },
    state,
    power,
    version,
    senderMembership: membershipOf(state('m.room.member', sender)),
    targetMembership: membershipOf(state('m.room.member', stateKey)),
  });
}

const JUDGES: Readonly<Record<string, (of: Case) => Verdict>> = {
  join: judgeJoin,
  invite: judgeInvite,
  leave: judgeLeave,
  ban: judgeBan,
  knock: judgeKnock,
};

const NOT_IN_ROOM = 'the sender is not in the room';

function joinRuleOf({ state }: Case): unknown {
  const { content } = state('m.room.join_rules', '') ?? {};
  return isRecord(content) ? content.join_rule : 'invite';
}

function hasLevel({ power, version }: Case, userId: UserId, action: Level): boolean {
  return powerLevelOf(power, version, userId) >= requiredLevel(power, version, action);
}

function outranksTarget({ event, power, version }: Case): boolean {
  return powerLevelOf(power, version, event.stateKey) < powerLevelOf(power, version, event.sender);
}

function judgeJoin(of: Case): Verdict {
  const { event, power, version, targetMembership } = of;
  // The user who created the room may join directly after the create event. Additional creators, which rooms can have since
  // version 12, may not.
  const isFirst = isCreator(power, { ...version, privilegedCreators: false }, event.stateKey);
  if (event.follows === 'create' && isFirst) return undefined;
  if (event.sender !== event.stateKey) return 'nobody can join for another user';
  if (targetMembership === 'ban') return 'the user is banned';
  const rule = joinRuleOf(of);
  const isKnown = targetMembership === 'join' || targetMembership === 'invite';
  if (rule === 'public') return undefined;
  if (rule === 'invite' || (rule === 'knock' && version.knocking)) {
    return isKnown ? undefined : 'the user has not been invited';
  }
  if (isRestricted(rule, version)) return isKnown ? undefined : judgeAuthorisedJoin(of);
  return 'the join rule forbids joining';
}

function isRestricted(rule: unknown, { restrictedJoins, knockRestrictedJoins }: RoomVersion): boolean {
  return (rule === 'restricted' && restrictedJoins) || (rule === 'knock_restricted' && knockRestrictedJoins);
}

function judgeAuthorisedJoin(of: Case): Verdict {
  const authoriser = of.event.content.join_authorised_via_users_server;
  const isMember =
    typeof authoriser === 'string' &&
    isUserId(authoriser) &&
    membershipOf(of.state('m.room.member', authoriser)) === 'join' &&
    hasLevel(of, authoriser, 'invite');
  return isMember ? undefined : 'no user who may invite has authorised the join';
}

function judgeInvite(of: Case): Verdict {
  const { event, senderMembership, targetMembership } = of;
  if (event.content.third_party_invite !== undefined) return judgeThirdPartyInvite(of);
  if (senderMembership !== 'join') return NOT_IN_ROOM;
  if (targetMembership === 'join') return 'the user is already in the room';
  if (targetMembership === 'ban') return 'the user is banned';
  return hasLevel(of, event.sender, 'invite') ? undefined : 'the power level is too low to invite';
}

function judgeThirdPartyInvite({ event, state, targetMembership }: Case): Verdict {
  if (targetMembership === 'ban') return 'the user is banned';
  const { third_party_invite: invite } = event.content;
  const signed = isRecord(invite) ? invite.signed : undefined;
  if (!isRecord(signed) || signed.mxid !== event.stateKey || typeof signed.token !== 'string') {
    return 'the third-party invite is not for the user';
  }
  const offer = state('m.room.third_party_invite', signed.token);
  if (offer === undefined || offer.sender !== event.sender) return 'the sender has made no such third-party invite';
  const isSigned = publicKeysOf(offer.content).some((key) => isSignedBy(signed, key));
  return isSigned ? undefined : 'the third-party invite has no valid signature';
}

function publicKeysOf(content: unknown): KeyObject[] {
  if (!isRecord(content)) return [];
  const listed: unknown[] = Array.isArray(content.public_keys) ? content.public_keys : [];
  return [content, ...listed].flatMap((entry: unknown) => {
    const key = isRecord(entry) && typeof entry.public_key === 'string' ? publicKeyOf(entry.public_key) : undefined;
    return key === undefined ? [] : [key];
  });
}

function judgeLeave(of: Case): Verdict {
  const { event, version, senderMembership, targetMembership } = of;
  if (event.sender === event.stateKey) {
    const leavable = ['invite', 'join', ...(version.knocking ? ['knock'] : [])];
    return leavable.some((membership) => membership === targetMembership) ? undefined : 'the user is not in the room';
  }
  if (senderMembership !== 'join') return NOT_IN_ROOM;
  if (targetMembership === 'ban' && !hasLevel(of, event.sender, 'ban')) return 'the power level is too low to unban';
  const mayKick = hasLevel(of, event.sender, 'kick') && outranksTarget(of);
  return mayKick ? undefined : 'the power level is too low to kick';
}

function judgeBan(of: Case): Verdict {
  if (of.senderMembership !== 'join') return NOT_IN_ROOM;
  const mayBan = hasLevel(of, of.event.sender, 'ban') && outranksTarget(of);
  return mayBan ? undefined : 'the power level is too low to ban';
}

function judgeKnock(of: Case): Verdict {
  const { event, version, targetMembership } = of;
  const rule = joinRuleOf(of);
  const mayKnock =
    (rule === 'knock' && version.knocking) || (rule === 'knock_restricted' && isRestricted(rule, version));
  if (!mayKnock) return 'the join rule forbids knocking';
  if (event.sender !== event.stateKey) return 'nobody can knock for another user';
  const mayNot = ['ban', 'invite', 'join'].some((membership) => membership === targetMembership);
  return mayNot ? 'the user is banned, invited or in the room' : undefined;
}
