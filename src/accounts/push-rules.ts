import { splitUserId, type UserId } from '../ids.ts';

type Rule = Readonly<Record<string, unknown>>;

const SOUND = { set_tweak: 'sound', value: 'default' };
const HIGHLIGHT = { set_tweak: 'highlight' };

const match = (key: string, pattern: string): Rule => ({ kind: 'event_match', key, pattern });
const ONE_TO_ONE: Rule = { kind: 'room_member_count', is: '2' };

function rule(id: string, conditions: readonly Rule[], actions: readonly unknown[]): Rule {
  return { rule_id: `.m.rule.${id}`, default: true, enabled: true, conditions, actions };
}

/** Returns the push rules of a new account, as Dendrite writes them. Source: Client-Server API, "Predefined rules". */
export function defaultPushRules(userId: UserId): Rule {
  const { localpart } = splitUserId(userId);
  const member = match('type', 'm.room.member');
  return {
    global: {
      override: [
        { rule_id: '.m.rule.master', default: true, enabled: false, actions: [] },
        rule('suppress_notices', [match('content.msgtype', 'm.notice')], []),
        rule(
          'invite_for_me',
          [member, match('content.membership', 'invite'), match('state_key', userId)],
          ['notify', SOUND],
        ),
        rule('member_event', [member], []),
        rule('contains_display_name', [{ kind: 'contains_display_name' }], ['notify', SOUND, HIGHLIGHT]),
        rule(
          'roomnotif',
          [match('content.body', '@room'), { kind: 'sender_notification_permission', key: 'room' }],
          ['notify', HIGHLIGHT],
        ),
        rule('tombstone', [match('type', 'm.room.tombstone'), match('state_key', '')], ['notify', HIGHLIGHT]),
        rule('reaction', [match('type', 'm.reaction')], []),
        rule('room.server_acl', [match('type', 'm.room.server_acl'), match('state_key', '')], []),
      ],
      content: [
        {
          rule_id: '.m.rule.contains_user_name',
          default: true,
          enabled: true,
          actions: ['notify', SOUND, HIGHLIGHT],
          pattern: localpart,
        },
      ],
      underride: [
        rule('call', [match('type', 'm.call.invite')], ['notify', { set_tweak: 'sound', value: 'ring' }]),
        rule('room_one_to_one', [ONE_TO_ONE, match('type', 'm.room.message')], ['notify', SOUND]),
        rule('encrypted_room_one_to_one', [ONE_TO_ONE, match('type', 'm.room.encrypted')], ['notify', SOUND]),
        rule('message', [match('type', 'm.room.message')], ['notify']),
        rule('encrypted', [match('type', 'm.room.encrypted')], ['notify']),
      ],
    },
  };
}
