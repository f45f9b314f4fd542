import type { RoomId } from '../../ids.ts';
import { isRecord, toJson } from '../../json.ts';

/**
 * Returns a part of the room id that every JSON text with the room id contains, however its serializer escapes characters. No
 * serializer escapes letters and digits, so the function returns the longest run of plain characters between the `!` and the
 * first colon of the room id.
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
 * Maximum depth to which the functions in this file follow nested values. The functions leave deeper values unchanged. User
 * data may be nested to any depth, and a deeper recursion could overflow the stack.
 */
const DEEPEST = 64;

/** Copies a value. Leaves out array entries that are the room id, and object members whose name or value is the room id. */
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
 * Removes the room from the account data `m.direct`, which lists direct rooms under the id of the other user. Also removes
 * users whose list becomes empty.
 */
function forgetDirect(roomId: RoomId, content: unknown): unknown {
  if (!isRecord(content)) return without(roomId, content);
  const isLeftEmpty = (rooms: unknown): boolean =>
    Array.isArray(rooms) && rooms.length > 0 && rooms.every((id) => id === roomId);
  return without(roomId, Object.fromEntries(Object.entries(content).filter(([, rooms]) => !isLeftEmpty(rooms))));
}

/**
 * Removes the push rules that belong to the room, and push rules with a condition on the room id. Such rules can no longer
 * match an event.
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
 * Removes the room from account data of the given type. Returns the new JSON, or `undefined` if the account data does not name
 * the room.
 */
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
 * Decides what a purge does with a to-device message. Returns `null` if the purge must delete the message, because it names the
 * room in clear text, as a key request does. Returns `undefined` if the message stays.
 */
export function forgetInToDevice(roomId: RoomId, json: string): null | undefined {
  return names(roomId, parse(json)) ? null : undefined;
}

/**
 * Removes the room from an entry of the federation queue. Returns `null` if the purge must delete the entry, because it holds
 * an event or an EDU of the room. Returns new JSON for an EDU with receipts of several rooms: the new JSON keeps the receipts
 * of the other rooms. Returns `undefined` if the entry stays, for example because it is another room's event that names this
 * room.
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
