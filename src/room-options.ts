import { z } from 'zod';
import { closedObject } from './setting-mistakes.ts';

/** The value of `options.rooms`: purges that the plugin starts by itself once a day. */
export interface RoomOptions {
  /**
   * Purges rooms that have had no local users for some time. A job looks for such rooms once a day. `GET
   * /_dendrite/admin/abandonedRooms` lists the rooms before they are purged, and hooks of `purgeRoom` can prevent a purge.
   * @defaultValue `false`: such rooms are kept
   */
  readonly purgeAbandoned?:
    | false
    | {
        /**
         * How long a room must have had no local users, in ms. The time begins when a run of the job first finds the room
         * without local users. At least one day.
         */
        readonly afterMs: number;
        /** Ids of rooms that are never purged. @defaultValue none */
        readonly keep?: readonly string[];
        /** Maximum number of rooms that one run of the job purges. @defaultValue 100 */
        readonly atMost?: number;
        /** Whether the job purges no rooms, and only records them for the list of abandoned rooms. @defaultValue false */
        readonly dryRun?: boolean;
      };
  /**
   * Purges history that has expired, including events of local users. A job looks for expired history once a day. The
   * `max_lifetime` of a room's `m.room.retention` event says how long its events stay. Hooks of `purgeHistory` can prevent the
   * purge of a room.
   * @defaultValue `false`: history stays, whatever `m.room.retention` says
   */
  readonly retention?:
    | false
    | {
        /** How long events stay in rooms without a valid `max_lifetime`, in ms. At least one day. @defaultValue for ever */
        readonly defaultLifetimeMs?: number;
        /**
         * The shortest lifetime, in ms. Replaces a `max_lifetime` that is shorter. At least one day. @defaultValue 86400000,
         * one day
         */
        readonly minLifetimeMs?: number;
        /** The longest lifetime, in ms. Replaces a `max_lifetime` that is longer. @defaultValue no maximum */
        readonly maxLifetimeMs?: number;
        /** Ids of rooms whose history is never purged. @defaultValue none */
        readonly keep?: readonly string[];
        /**
         * What happens to the media that the deleted events used. `keep`: all media stay. `unused`: the job deletes media to
         * which nothing on the homeserver refers any more. This needs `host.media`. @defaultValue `keep`
         */
        readonly media?: 'keep' | 'unused';
        /** Whether the job only counts rooms and purges nothing. @defaultValue false */
        readonly dryRun?: boolean;
      };
}

/**
 * The schema of a lifetime of events, in ms. The plugin starts no timer with a lifetime, so a lifetime may be longer than the
 * longest timer of Node.
 */
const lifetime = z.int().min(24 * 3_600_000, 'must be at least one day, 86400000');

/** The schema of `options.rooms`. */
export const roomOptions = closedObject({
  purgeAbandoned: z
    .union(
      [
        z.literal(false),
        closedObject({
          afterMs: z.int().min(24 * 3_600_000, 'must be at least one day, 86400000'),
          keep: z.array(z.string()).default([]),
          atMost: z.int().positive().default(100),
          dryRun: z.boolean().default(false),
        }),
      ],
      { error: 'must be false, or an object such as { afterMs: 2592000000 }' },
    )
    .default(false),
  retention: z
    .union(
      [
        z.literal(false),
        closedObject({
          defaultLifetimeMs: lifetime.optional(),
          minLifetimeMs: lifetime.default(24 * 3_600_000),
          maxLifetimeMs: lifetime.optional(),
          keep: z.array(z.string()).default([]),
          media: z.enum(['keep', 'unused']).default('keep'),
          dryRun: z.boolean().default(false),
        }).refine(({ minLifetimeMs, maxLifetimeMs = minLifetimeMs }) => minLifetimeMs <= maxLifetimeMs, {
          error: 'minLifetimeMs must not be longer than maxLifetimeMs',
        }),
      ],
      { error: 'must be false, or an object such as { defaultLifetimeMs: 31536000000 }' },
    )
    .default(false),
}).prefault({});
