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
  readonly keep: readonly Keepable[];
  readonly search: RoomRemoval;
  readonly searchableTypes: readonly string[];
}

/** The result of a step, with the users whose account data the step has changed. */
type PhaseStep = Deletion & { readonly changedUsers?: readonly UserId[] };

/**
 * A part of a purge. It deletes the room's rows from some tables, in steps. Each step is one transaction. Repeating a step does
 * no harm.
 */
export interface Phase {
  readonly name: string;
  /**
   * @param size maximum number of rows that the step reads. If the step reads a range of keys, `size` is the number of keys in
   * the range.
   */
  readonly step: (
    transaction: Knex.Transaction,
    room: PurgedRoom,
    position: Position,
    size: number,
  ) => Promise<PhaseStep>;
  /** Does work that must precede the first step. It runs outside any transaction. */
  readonly before?: (room: PurgedRoom, signal: AbortSignal) => Promise<void>;
}

/**
 * A room with at least this many events counts as large. The topology table holds the events of all rooms. For a large room,
 * reading the whole table is faster than finding each event of the room in it.
 */
const LARGE_ROOM = 25_000;

const NOTHING: PhaseStep = { deleted: {}, next: undefined };

/**
 * The phases, in order. State is deleted before the events to which it refers. Search documents, receipts and other data
 * derived from events are deleted after the events, because the host may still write such data while the room is hidden.
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
