import type { RoomId } from '../../ids.ts';
import { isRecord, toJson } from '../../json.ts';

/**
 * Returns a part of a room id that occurs unchanged in every JSON text with the room id: the longest run of letters, digits,
 * `_`, `.`, `=` and `-` between the `!` and the first colon. No JSON serializer escapes these characters.
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
 * Maximum depth to which the functions in this file look into nested values. Deeper values stay unchanged, even if they contain
 * the room id. User data may be nested to any depth, and a deeper recursion could overflow the stack.
 */
const DEEPEST = 64;

/**
 * Returns a copy of a value. The copy leaves out array entries that are the room id, and object members whose name or value is
 * the room id, at every depth.
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

/**
 * Tells whether a value is the room id, or contains it at any depth as an array entry, as the value of a member or as the name
 * of a member.
 */
function names(roomId: RoomId, value: unknown, depth = 0): boolean {
  if (depth > DEEPEST) return false;
  if (Array.isArray(value)) return value.some((entry) => names(roomId, entry, depth + 1));
  if (!isRecord(value)) return value === roomId;
  return Object.entries(value).some(([name, member]) => name === roomId || names(roomId, member, depth + 1));
}

/**
 * Returns the content of the account data `m.direct` without the room. This content lists the direct rooms with each other user
 * under the id of that user. The result also leaves out users whose list contained only this room.
 */
function forgetDirect(roomId: RoomId, content: unknown): unknown {
  if (!isRecord(content)) return without(roomId, content);
  const isLeftEmpty = (rooms: unknown): boolean =>
    Array.isArray(rooms) && rooms.length > 0 && rooms.every((id) => id === roomId);
  return without(roomId, Object.fromEntries(Object.entries(content).filter(([, rooms]) => !isLeftEmpty(rooms))));
}

/**
 * Returns the content of the account data `m.push_rules` without the push rules whose id is the room id and without the push
 * rules with a condition on the room id. Such rules can no longer match an event.
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

/**
 * Removes the room from the content of account data of the given type. Returns the new JSON, or `undefined` if the content does
 * not contain the room id.
 */
export function forgetInAccountData(roomId: RoomId, type: string, json: string): string | undefined {
  const content = parse(json);
  if (!names(roomId, content)) return undefined;
  if (type === 'm.push_rules') return toJson(without(roomId, forgetPushRules(roomId, content)));
  if (type === 'm.direct') return toJson(forgetDirect(roomId, content));
  return toJson(without(roomId, content));
}

/**
 * Removes the room from a `/sync` filter. Returns the new JSON, or `undefined` if the filter does not contain the room id. A
 * list of rooms that becomes empty stays as an empty list, because a filter without the list would match all rooms.
 */
export function forgetInFilter(roomId: RoomId, json: string): string | undefined {
  const filter = parse(json);
  return names(roomId, filter) ? toJson(without(roomId, filter)) : undefined;
}

/**
 * Decides what a purge does with a to-device message. Returns `null` if the purge must delete the message, because it contains
 * the room id in clear text. A key request, for example, does so. Returns `undefined` if the message stays.
 */
export function forgetInToDevice(roomId: RoomId, json: string): null | undefined {
  return names(roomId, parse(json)) ? null : undefined;
}

/**
 * Decides what a purge does with an entry of the federation queue.
 * @returns `null` if the purge must delete the entry, because it is an event or an EDU of the room; the entry's new JSON if it
 * is an EDU with receipts of several rooms, and the new JSON lacks the receipts of this room; `undefined` if the entry stays,
 * for example because it is another room's event that contains this room's id
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

/**
 * Tells whether an event belongs to the room. Since room version 12, a create event has no `room_id`, because the room id is
 * derived from the id of this event.
 */
function isEventOf(roomId: RoomId, event: Readonly<Record<string, unknown>>): boolean {
  return event.room_id === roomId || (event.type === 'm.room.create' && event['_event_id'] === `$${roomId.slice(1)}`);
}
