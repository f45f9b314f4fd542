import { z } from 'zod';
import { isRoomVersion } from './matrix/room-version.ts';
import { type RoomOptions, roomOptions } from './room-options.ts';
import { LANGUAGE_CODES, type LanguageCode } from './search/analysis/languages.ts';
import type { SearchAdapter } from './search/search-index.ts';
import { checked, closedObject, kindOf, readSetting } from './setting-mistakes.ts';

/** A limit on how often one client address may do something. */
export interface AddressLimit {
  /** Maximum number of times within the window. */
  readonly count: number;
  /** Length of the window, in ms. */
  readonly windowMs: number;
}

/** Options of `createAdminPlugin()`. All times are in ms, and all sizes are in bytes. */
export interface AdminPluginOptions {
  /**
   * Full-text search: the adapter of a search engine, or an object with the adapter and the languages. `false` switches search
   * off. @defaultValue `postgresSearch()`
   */
  readonly search?:
    | SearchAdapter
    | false
    | {
        /** The adapter of the search engine. @defaultValue `postgresSearch()` */
        readonly adapter?: SearchAdapter;
        /**
         * Language codes of ISO 639-1. In these languages, a search for a word also finds its other grammatical forms: `runs`
         * finds `running`. After a change of this list, the index needs a reindex. @defaultValue all of ar, da, de, el, en, es,
         * fi, fr, hi, hu, it, nl, no, pt, ro, ru, sv, tr, uk
         */
        readonly languages?: readonly LanguageCode[];
      };
  /**
   * Whether the plugin reads long lists of rooms and users from summary tables, which it keeps up to date. Set it to `false` if
   * the homeserver does not pass its events to `admin.events.apply()`. @defaultValue true
   */
  readonly summaries?: boolean;
  /** Jobs, which do long operations. The plugin stores jobs in the database, so that any process can continue a job. */
  readonly jobs?: {
    /**
     * How often an idle process looks for jobs in the database. Jobs that the process itself has queued start at once.
     * @defaultValue 1000
     */
    readonly pollIntervalMs?: number;
    /**
     * Each process confirms regularly in the database that it is still running its jobs. If a process has not confirmed for
     * this time, other processes take over its jobs. @defaultValue 10000
     */
    readonly leaseMs?: number;
    /** How long ended jobs are kept. @defaultValue 604800000, seven days */
    readonly retentionMs?: number;
    /** Maximum number of jobs of one kind that one process runs at once. @defaultValue 2 */
    readonly concurrency?: number;
    /**
     * How long an HTTP request waits for the job that it has started. After this time, the plugin answers the request with
     * `202` and the URL of the job. Choose a shorter time than the time-out of your proxies. @defaultValue 50000
     */
    readonly answerWithinMs?: number;
    /**
     * How often an event stream repeats the state of a job that does not change. Proxies close a stream that is silent for some
     * time, so choose a shorter time than theirs. The stream looks for changes of the job four times a second. @defaultValue
     * 15000
     */
    readonly repeatProgressMs?: number;
  };
  /** Settings of the HTTP routes. */
  readonly http?: {
    /**
     * What happens with unknown paths below `/_dendrite/admin` and `/_synapse/admin`. `true`: the plugin passes them on to the
     * next middleware, where the host may have routes of its own. `false`: the plugin answers them with `404 M_UNRECOGNIZED`.
     * In both cases, the plugin answers unknown methods of its own paths with 405. @defaultValue false
     */
    readonly passUnknownPaths?: boolean;
  };
  /** Whether `GET /_dendrite/admin/console` serves the console, a web page for administrators. @defaultValue true */
  readonly console?: boolean;
  /** Settings of hooks: functions that the homeserver adds and the plugin calls before or after an operation. */
  readonly hooks?: {
    /** Time limit of hooks that have no time limit of their own. @defaultValue 5000 */
    readonly timeoutMs?: number;
  };
  /** How accounts are registered. */
  readonly registration?: {
    /**
     * A secret of at least 1 byte. Anyone who knows it can register accounts. @defaultValue no secret: the routes that need a
     * secret do not exist
     */
    readonly sharedSecret?: string;
    /**
     * Whether people need a registration token to register on the homeserver. If not, the plugin answers Dendrite's route for
     * new tokens with an error, as Dendrite does. @defaultValue false
     */
    readonly requiresToken?: boolean;
  };
  /** Passwords, and logins of administrators as other users. */
  readonly accounts?: {
    /** Cost of a password hash, from 4 to 31. Each step doubles the time that a hash takes. @defaultValue 10, as in Dendrite */
    readonly bcryptCost?: number;
    /** Maximum number of password hashes that a process computes at once. @defaultValue 2 */
    readonly concurrentHashes?: number;
    /** Whether administrators may log in as other users. @defaultValue false */
    readonly allowLoginAs?: boolean;
  };
  /**
   * Server notices, which are messages from the server to its users. The plugin creates the account that sends them.
   * @defaultValue `false`: server notices are off
   */
  readonly serverNotices?:
    | false
    | {
        /** Localpart of the account that sends notices. @defaultValue `_server` */
        readonly localpart?: string;
        /** Display name of the account that sends notices. @defaultValue `Server Alerts` */
        readonly displayName?: string;
        /** Avatar of the account that sends notices, an `mxc://` URL. @defaultValue no avatar */
        readonly avatarUrl?: string;
        /** Name of the rooms in which users get notices. @defaultValue `Server Alerts` */
        readonly roomName?: string;
        /** Room version of new notice rooms. @defaultValue 10 */
        readonly roomVersion?: string;
      };
  /** Purges that the plugin starts by itself once a day. */
  readonly rooms?: RoomOptions;
  /** Parts of the specification that are proposals, and may change with any version of the plugin. */
  readonly unstable?: {
    /** Whether the routes of MSC4390 exist, with which administrators see, block and delete rooms. @defaultValue false */
    readonly msc4390?: boolean;
  };
  /** The audit, which records who did what. */
  readonly audit?: {
    /**
     * How long audit entries are kept. Expired approvals are kept for the same time. Audit entries contain client addresses.
     * @defaultValue 31536000000, one year
     */
    readonly retentionMs?: number;
  };
  /** Limits of what the plugin and its callers may use. */
  readonly limits?: {
    /** Maximum size of a request body. Compressed bodies are refused. @defaultValue 65536 */
    readonly bodyBytes?: number;
    /**
     * Maximum number of the host's database connections that each job uses at once in this process. At least 2. The host's pool
     * must have at least one connection more. @defaultValue 4
     */
    readonly connections?: number;
    /** Time limit for the answer of another homeserver, in ms. @defaultValue 10000 */
    readonly federationRequestMs?: number;
    /**
     * Maximum number of failed authentications from one client address within `windowMs`. The plugin answers further failed
     * authentications from this address with 429. `false` means no limit. The address is Koa's `ctx.ip`, so set `app.proxy`
     * behind a reverse proxy. @defaultValue 60 in 60000
     */
    readonly failedAuthentications?: AddressLimit | false;
    /**
     * Maximum number of requests from one client address within `windowMs` to routes that need no access token. The plugin
     * answers further such requests with 429. `false` means no limit. The limit prevents clients from guessing registration
     * tokens and from using up all nonces. @defaultValue 300 in 60000
     */
    readonly openRequests?: AddressLimit | false;
  };
}

const ms = z
  .int()
  .positive()
  .max(2 ** 31 - 1);

const searchAdapter = checked<SearchAdapter>((value) =>
  typeof value === 'function' ? undefined : `must be a search adapter such as postgresSearch(), not ${kindOf(value)}`,
);

const searchSetting = z.union([
  closedObject({
    adapter: searchAdapter.optional(),
    languages: z.array(z.enum(LANGUAGE_CODES, { error: `must be one of ${LANGUAGE_CODES.join(', ')}` })).optional(),
  }),
  checked<SearchAdapter | false>((value) =>
    value === false || typeof value === 'function'
      ? undefined
      : `must be a search adapter such as postgresSearch(), or false, not ${kindOf(value)}`,
  ),
]);

const roomVersion = z.string().refine(isRoomVersion, {
  error: ({ input }) => `must be a known room version, not ${JSON.stringify(input)}`,
});

const addressLimit = (count: number, windowMs: number) =>
  z
    .union([closedObject({ count: z.int().positive(), windowMs: ms }), z.literal(false)], {
      error: 'must be false, or { count, windowMs }',
    })
    .default({ count, windowMs });

const optionsSchema = closedObject({
  search: searchSetting.optional(),
  jobs: closedObject({
    pollIntervalMs: ms.default(1_000),
    leaseMs: ms.min(500).default(10_000),
    retentionMs: z
      .int()
      .positive()
      .default(7 * 24 * 3_600_000),
    concurrency: z.int().positive().default(2),
    answerWithinMs: ms.default(50_000),
    repeatProgressMs: ms.default(15_000),
  }).prefault({}),
  http: closedObject({ passUnknownPaths: z.boolean().default(false) }).prefault({}),
  console: z.boolean().default(true),
  summaries: z.boolean().default(true),
  hooks: closedObject({ timeoutMs: ms.default(5_000) }).prefault({}),
  registration: closedObject({
    sharedSecret: z.string().min(1).optional(),
    requiresToken: z.boolean().default(false),
  }).prefault({}),
  accounts: closedObject({
    bcryptCost: z.int().min(4).max(31).default(10),
    concurrentHashes: z.int().positive().default(2),
    allowLoginAs: z.boolean().default(false),
  }).prefault({}),
  serverNotices: z
    .union(
      [
        z.literal(false),
        closedObject({
          localpart: z
            .string()
            .regex(/^[0-9a-z_\-+=./]{1,200}$/, 'must be a localpart: 1 to 200 characters of 0-9a-z_-+=./')
            .default('_server'),
          displayName: z.string().default('Server Alerts'),
          avatarUrl: z.string().default(''),
          roomName: z.string().default('Server Alerts'),
          roomVersion: roomVersion.default('10'),
        }),
      ],
      { error: 'must be false, or an object such as {} or { localpart, displayName }' },
    )
    .default(false),
  rooms: roomOptions,
  unstable: closedObject({ msc4390: z.boolean().default(false) }).prefault({}),
  // The schema `ms` refuses times that are too long for a timer of Node. No timer uses `retentionMs`, so `retentionMs` may be
  // longer.
  audit: closedObject({ retentionMs: z.int().positive().default(31_536_000_000) }).prefault({}),
  limits: closedObject({
    bodyBytes: z.int().positive().default(65_536),
    connections: z.int().min(2).default(4),
    federationRequestMs: ms.default(10_000),
    failedAuthentications: addressLimit(60, 60_000),
    openRequests: addressLimit(300, 60_000),
  }).prefault({}),
});

/** The options, with all defaults filled in. */
export type Config = Readonly<z.output<typeof optionsSchema>>;

/**
 * Returns the JSON Schema of the options. Where an option must be a function, such as a search adapter, the schema accepts any
 * value.
 */
export function optionsJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(optionsSchema, { io: 'input', unrepresentable: 'any' });
}

/** Checks the options and fills in the defaults. @returns the configuration, or one sentence for each mistake */
export function readOptions(options: unknown): { readonly value?: Config; readonly mistakes: readonly string[] } {
  return readSetting('options', optionsSchema, options);
}
