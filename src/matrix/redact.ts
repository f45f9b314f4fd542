import { isRecord } from '../json.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

/**
 * The keys of the content that a redaction keeps, by event type. In `a.b`, the key `b` is inside the value of `a`. `*` keeps
 * all keys.
 */
type ContentRules = Readonly<Record<string, readonly string[]>>;
interface RedactionRules {
  readonly keys: readonly string[];
  readonly content: ContentRules;
}

const KEYS = [
  'event_id',
  'type',
  'room_id',
  'sender',
  'state_key',
  'content',
  'hashes',
  'signatures',
  'depth',
  'prev_events',
  'auth_events',
  'origin_server_ts',
];
const OLD_KEYS = [...KEYS, 'prev_state', 'origin', 'membership'];
const POWER_LEVELS = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default'];

const content6: ContentRules = {
  'm.room.member': ['membership'],
  'm.room.create': ['creator'],
  'm.room.join_rules': ['join_rule'],
  'm.room.power_levels': POWER_LEVELS,
  'm.room.history_visibility': ['history_visibility'],
};
const content8: ContentRules = { ...content6, 'm.room.join_rules': ['join_rule', 'allow'] };
const content9: ContentRules = {
  ...content8,
  'm.room.member': ['membership', 'join_authorised_via_users_server'],
};
const content11: ContentRules = {
  ...content9,
  'm.room.member': ['membership', 'join_authorised_via_users_server', 'third_party_invite.signed'],
  'm.room.create': ['*'],
  'm.room.power_levels': [...POWER_LEVELS, 'invite'],
  'm.room.redaction': ['redacts'],
};

/**
 * The redaction rules, by the room version that introduced them. Source: Matrix specification, "Room Versions", "Redactions".
 */
const RULES: Readonly<Record<RoomVersion['redaction'], RedactionRules>> = {
  1: { keys: OLD_KEYS, content: { ...content6, 'm.room.aliases': ['aliases'] } },
  6: { keys: OLD_KEYS, content: content6 },
  8: { keys: OLD_KEYS, content: content8 },
  9: { keys: OLD_KEYS, content: content9 },
  11: { keys: KEYS, content: content11 },
};

function pick(object: EventJson, paths: readonly string[]): EventJson {
  if (paths.includes('*')) return object;
  const kept = paths.flatMap((path): [string, unknown][] => {
    const [key = '', inner] = path.split('.');
    if (!Object.hasOwn(object, key)) return [];
    const value = object[key];
    if (inner === undefined) return [[key, value]];
    return isRecord(value) && Object.hasOwn(value, inner) ? [[key, { [inner]: value[inner] }]] : [];
  });
  return Object.fromEntries(kept);
}

/** Returns the redacted form of an event. Servers compute signatures and reference hashes from this form. */
export function redact(event: EventJson, { redaction }: RoomVersion): EventJson {
  const { keys, content } = RULES[redaction];
  const type = typeof event.type === 'string' ? event.type : '';
  const paths = Object.hasOwn(content, type) ? content[type] : [];
  return {
    ...pick(event, keys),
    content: isRecord(event.content) ? pick(event.content, paths ?? []) : {},
  };
}
