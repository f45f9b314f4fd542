import type { Knex } from 'knex';
import type { UserId } from '../../ids.ts';
import type { RoomRemoval } from '../../search/room-removal.ts';
import type { Deletion, Position } from '../../storage/deletion.ts';
import { changeJsonRows } from '../../storage/json-tables.ts';
import { deleteLargeRows, type RoomKeys } from '../../storage/room-tables.ts';
import { deleteBackwardExtremities, deleteEventsOfRoom } from '../../storage/roomserver/purge-events.ts';
import { deleteStateOfRoom } from '../../storage/roomserver/purge-state.ts';
import { deleteTimeline } from '../../storage/syncapi/purge-timeline.ts';
import { deleteTopology } from '../../storage/syncapi/purge-topology.ts';
import { purgeAccountData } from '../../storage/userapi/purge-account-data.ts';
import { deleteKeyBackups } from '../../storage/userapi/purge-key-backups.ts';
import { deleteNotifications } from '../../storage/userapi/purge-notifications.ts';
import { forgetInAccountData, forgetInFilter, forgetInQueue, forgetInToDevice, needleOf } from './forget-room.ts';

/** Kinds of data that a purge keeps if the administrator asks for it. */
export const KEEPABLE = ['aliases', 'account_data', 'key_backups'] as const;
export type Keepable = (typeof KEEPABLE)[number];

/** The room to purge, and the settings of its purge. */
export interface PurgedRoom extends RoomKeys {
  /** Number of events in the room's timeline when the purge began. */
  readonly events: number;
  /** Kinds of data that the purge keeps. */
  readonly keep: readonly Keepable[];
  /** How the purge removes the room from the search index. */
  readonly search: RoomRemoval;
  /** Event types that the search index contains. */
  readonly searchableTypes: readonly string[];
}

/** The result of a step, and the users whose account data the step has changed. */
type PhaseStep = Deletion & { readonly changedUsers?: readonly UserId[] };

/**
 * A part of a purge that deletes or changes the room's rows in some tables, in steps. Each step is one transaction. Repeating a
 * step does no harm.
 */
export interface Phase {
  readonly name: string;
  /**
   * Does one step.
   * @param position where the step begins; empty for the first step
   * @param size maximum number of rows that the step reads or deletes. For a step that processes a range of keys, `size` is the
   * number of keys in the range.
   */
  readonly step: (
    transaction: Knex.Transaction,
    room: PurgedRoom,
    position: Position,
    size: number,
  ) => Promise<PhaseStep>;
  /**
   * Does work that must precede the first step. This work runs outside any transaction, so a dry run skips it. @defaultValue no
   * such work
   */
  readonly before?: (room: PurgedRoom, signal: AbortSignal) => Promise<void>;
}

/**
 * A room with at least this many events counts as large. For a large room, reading the whole topology table, which has the
 * events of all rooms, is faster than looking up each event of the room.
 */
const LARGE_ROOM = 25_000;

const NOTHING: PhaseStep = { deleted: {}, next: undefined };

/**
 * The phases, in order. State is deleted before the events to which it refers. Search documents, relations, notifications and
 * other data that is derived from events are deleted after the events, because the homeserver may still write such data while
 * the room is hidden.
 */
export const PHASES: readonly Phase[] = [
  { name: 'state', step: deleteStateOfRoom },
  { name: 'events', step: deleteEventsOfRoom },
  {
    name: 'timeline',
    step: (transaction, room, position, limit) =>
      deleteTimeline(transaction, room, position, {
        limit,
        searchableTypes: room.searchableTypes,
        withTopology: room.events < LARGE_ROOM,
      }),
  },
  {
    name: 'topology',
    step: async (transaction, room, position, limit) =>
      room.events < LARGE_ROOM ? NOTHING : deleteTopology(transaction, room, position, limit),
  },
  {
    name: 'search',
    before: async ({ search, roomId }, signal) => {
      if (search.kind === 'delivered') await search.remove(roomId, signal);
    },
    step: async (transaction, { search, roomId }, _position, limit) => {
      if (search.kind !== 'transactional') return NOTHING;
      const removed = await search.remove(transaction, roomId, limit);
      return { deleted: { search_documents: removed }, next: removed < limit ? undefined : [] };
    },
  },
  {
    name: 'relations',
    step: (transaction, room, _position, limit) => deleteLargeRows(transaction, room, limit),
  },
  {
    name: 'extremities',
    step: (transaction, room, _position, limit) => deleteBackwardExtremities(transaction, room, limit),
  },
  { name: 'notifications', step: deleteNotifications },
  {
    name: 'federation queue',
    step: (transaction, { roomId }, position, width) =>
      changeJsonRows(transaction, 'federationQueue', position, width, {
        needle: needleOf(roomId),
        change: (json) => forgetInQueue(roomId, json),
      }),
  },
  {
    name: 'to-device messages',
    step: (transaction, { roomId }, position, width) =>
      changeJsonRows(transaction, 'sendToDevice', position, width, {
        needle: needleOf(roomId),
        change: (json) => forgetInToDevice(roomId, json),
      }),
  },
  {
    name: 'filters',
    step: (transaction, { roomId }, position, width) =>
      changeJsonRows(transaction, 'filters', position, width, {
        needle: needleOf(roomId),
        change: (json) => forgetInFilter(roomId, json),
      }),
  },
  {
    name: 'account data',
    step: async (transaction, room, position, limit) => {
      if (room.keep.includes('account_data')) return NOTHING;
      return purgeAccountData(transaction, room, position, {
        limit,
        needle: needleOf(room.roomId),
        forgetRoom: (type, json) => forgetInAccountData(room.roomId, type, json),
      });
    },
  },
  {
    name: 'key backups',
    step: async (transaction, room, position, limit) =>
      room.keep.includes('key_backups') ? NOTHING : deleteKeyBackups(transaction, room, position, limit),
  },
];
