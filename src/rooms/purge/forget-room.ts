import type { RoomId } from '../../ids.ts';
import { isRecord, toJson } from '../../json.ts';

/**
 * Returns a string that occurs in every JSON text that contains the room id, however the JSON is escaped. Serializers do not
 * escape letters and digits, so the string is the longest run of plain characters in the room id's opaque part.
 */
export function needleOf(roomId: RoomId): string {
  const [opaque = ''] = roomId.slice(1).split(':');
  return (opaque.match(/[\w.=-]+/g) ?? []).reduce((longest, run) => (run.length > longest.length ? run : longest), '');
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/**
 * Maximum depth of nesting. Values below this depth are left unchanged. User data may be nested without limit, but recursion
 * needs a limit.
 */
const DEEPEST = 64;

/**
 * Copies a value without the room. The copy lacks array entries that are the room id, and object members whose name or value is
 * the room id.
 */
function without(roomId: RoomId, value: unknown, depth = 0): unknown {
  if (depth > DEEPEST) return value;
  if (Array.isArray(value)) {
    return value.filter((entry) => entry !== roomId).map((entry) => without(roomId, entry, depth + 1));
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, member]) => name !== roomId && member !== roomId)
      .map(([name, member]) => [name, without(roomId, member, depth + 1)]),
  );
}

/** Whether a value is the room id, or contains it as an array entry, a member's value or a member's name. */
function names(roomId: RoomId, value: unknown, depth = 0): boolean {
  if (depth > DEEPEST) return false;
  if (Array.isArray(value)) return value.some((entry) => names(roomId, entry, depth + 1));
  if (!isRecord(value)) return value === roomId;
  return Object.entries(value).some(([name, member]) => name === roomId || names(roomId, member, depth + 1));
}

/**
 * Removes the room from `m.direct`, which lists the direct rooms of each user. A user whose list becomes empty is removed too.
 */
function forgetDirect(roomId: RoomId, content: unknown): unknown {
  if (!isRecord(content)) return without(roomId, content);
  const isLeftEmpty = (rooms: unknown): boolean =>
    Array.isArray(rooms) && rooms.length > 0 && rooms.every((id) => id === roomId);
  return without(roomId, Object.fromEntries(Object.entries(content).filter(([, rooms]) => !isLeftEmpty(rooms))));
}

/**
 * Removes the push rules that belong to the room, and push rules with a condition on the room id. Neither can match an event
 * any more.
 */
function forgetPushRules(roomId: RoomId, content: unknown): unknown {
  if (!isRecord(content) || !isRecord(content.global)) return content;
  const global = Object.entries(content.global).map(([kind, rules]): [string, unknown] => [
    kind,
    Array.isArray(rules) ? rules.filter((rule) => !isRuleOf(roomId, rule)) : rules,
  ]);
  return { ...content, global: Object.fromEntries(global) };
}

function isRuleOf(roomId: RoomId, rule: unknown): boolean {
  if (!isRecord(rule) || typeof rule.rule_id !== 'string') return false;
  const conditions: readonly unknown[] = Array.isArray(rule.conditions) ? rule.conditions : [];
  return (
    rule.rule_id === roomId ||
    conditions.some((condition) => isRecord(condition) && (condition.pattern === roomId || condition.value === roomId))
  );
}

/** Removes the room from account data. Returns the new JSON, or `undefined` if the account data does not name the room. */
export function forgetInAccountData(roomId: RoomId, type: string, json: string): string | undefined {
  const content = parse(json);
  if (!names(roomId, content)) return undefined;
  if (type === 'm.push_rules') return toJson(without(roomId, forgetPushRules(roomId, content)));
  if (type === 'm.direct') return toJson(forgetDirect(roomId, content));
  return toJson(without(roomId, content));
}

/**
 * Removes the room from a `/sync` filter. Returns the new JSON, or `undefined` if the filter does not name the room. If a list
 * of rooms becomes empty, the empty list stays, because a filter without the list would match all rooms.
 */
export function forgetInFilter(roomId: RoomId, json: string): string | undefined {
  const filter = parse(json);
  return names(roomId, filter) ? toJson(without(roomId, filter)) : undefined;
}

/**
 * Decides what a purge does with a to-device message. Returns `null` to delete a message that names the room in clear text,
 * such as a key request. Returns `undefined` to keep the message.
 */
export function forgetInToDevice(roomId: RoomId, json: string): null | undefined {
  return names(roomId, parse(json)) ? null : undefined;
}

/**
 * Removes the room from an entry of the federation queue. Returns `null` to delete the entry, which holds an event or an EDU of
 * the room. Returns new JSON for an EDU with receipts of several rooms, which keeps the receipts of the other rooms. Returns
 * `undefined` to keep the entry, such as another room's event that names this room.
 */
export function forgetInQueue(roomId: RoomId, json: string): string | null | undefined {
  const item = parse(json);
  if (!isRecord(item)) return undefined;
  if (typeof item.edu_type !== 'string') return isEventOf(roomId, item) ? null : undefined;
  const { content } = item;
  if (!names(roomId, content)) return undefined;
  if (item.edu_type !== 'm.receipt' || !isRecord(content)) return null;
  const rest = Object.fromEntries(Object.entries(content).filter(([id]) => id !== roomId));
  return Object.keys(rest).length === 0 ? null : toJson({ ...item, content: rest });
}

/** Since room version 12, a create event has no `room_id`, because the room id is derived from the event's own id. */
function isEventOf(roomId: RoomId, event: Readonly<Record<string, unknown>>): boolean {
  return event.room_id === roomId || (event.type === 'm.room.create' && event['_event_id'] === `$${roomId.slice(1)}`);
}
