import type { RoomId } from '../../ids.ts';
import { isRecord, toJson } from '../../json.ts';

/**
 * What a text that names the room holds, whatever way its JSON was escaped in: the longest run of plain characters of the
 * room id's opaque part.
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

/** What is nested deeper is left alone: users may nest as deep as they like, and recursion may not. */
const DEEPEST = 64;

/** The value without entries of arrays and members of objects that are the room id, or are named by it. */
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

/** Whether a value is the room id, or has it as an entry, a member or a name. */
function names(roomId: RoomId, value: unknown, depth = 0): boolean {
  if (depth > DEEPEST) return false;
  if (Array.isArray(value)) return value.some((entry) => names(roomId, entry, depth + 1));
  if (!isRecord(value)) return value === roomId;
  return Object.entries(value).some(([name, member]) => name === roomId || names(roomId, member, depth + 1));
}

/** `m.direct` lists rooms by user; a user without any is taken out. Other shapes are treated as any account data is. */
function forgetDirect(roomId: RoomId, content: unknown): unknown {
  if (!isRecord(content)) return without(roomId, content);
  const isLeftEmpty = (rooms: unknown): boolean =>
    Array.isArray(rooms) && rooms.length > 0 && rooms.every((id) => id === roomId);
  return without(roomId, Object.fromEntries(Object.entries(content).filter(([, rooms]) => !isLeftEmpty(rooms))));
}

/** Push rules of the room, and those with a condition that it is the room, can't match any more. */
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

/** Account data without the room; `undefined`: it does not name it. */
export function forgetInAccountData(roomId: RoomId, type: string, json: string): string | undefined {
  const content = parse(json);
  if (!names(roomId, content)) return undefined;
  if (type === 'm.push_rules') return toJson(without(roomId, forgetPushRules(roomId, content)));
  if (type === 'm.direct') return toJson(forgetDirect(roomId, content));
  return toJson(without(roomId, content));
}

/** A filter of `/sync` without the room: an empty list of rooms goes on matching none. */
export function forgetInFilter(roomId: RoomId, json: string): string | undefined {
  const filter = parse(json);
  return names(roomId, filter) ? toJson(without(roomId, filter)) : undefined;
}

/** A to-device message that names the room in clear (a key request, say) is of no use any more. */
export function forgetInToDevice(roomId: RoomId, json: string): null | undefined {
  return names(roomId, parse(json)) ? null : undefined;
}

/**
 * What waits for other servers: the room's events go, and EDUs of the room. A receipt EDU may be of several rooms.
 * Events of other rooms stay as they are, whatever they say.
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

/** A create event has no room id since room version 12: its own id is it. */
function isEventOf(roomId: RoomId, event: Readonly<Record<string, unknown>>): boolean {
  return event.room_id === roomId || (event.type === 'm.room.create' && event['_event_id'] === `$${roomId.slice(1)}`);
}
