import { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Host } from './host.ts';
import { isServerName } from './ids.ts';
import { nearestName } from './near-name.ts';
import { checked, kindOf, readSetting, unknownName } from './setting-mistakes.ts';

const isFunction = (value: unknown): value is (...input: never[]) => unknown => typeof value === 'function';

/** Returns a member of an object or of a function. The member may be inherited. Returns `undefined` for any other value. */
const memberOf = (value: unknown, name: string): unknown =>
  (typeof value === 'object' && value !== null) || isFunction(value) ? Reflect.get(value, name) : undefined;

/** Makes the schema of an object or a function that has these methods. The methods may be inherited. */
const withMethods = (...names: readonly string[]): z.ZodType =>
  checked((value) => {
    const required = `must have the ${names.length > 1 ? 'methods' : 'method'} ${names.join(', ')}`;
    if (value === undefined) return required;
    if (typeof value !== 'object' && !isFunction(value)) return `${required}, not ${kindOf(value)}`;
    const missing = names.filter((name) => !isFunction(memberOf(value, name)));
    if (missing.length === 0) return undefined;
    return `${required}: ${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing`;
  });

const serverName = checked<string>((value) => {
  if (typeof value === 'string' && isServerName(value)) return undefined;
  const required = 'must be a server name such as example.org';
  if (value === undefined) return required;
  return `${required}, not ${typeof value === 'string' ? JSON.stringify(value.slice(0, 255)) : kindOf(value)}`;
});

const privateKey = checked((value) => {
  const required = 'must be a private ed25519 KeyObject of node:crypto';
  if (!(value instanceof KeyObject)) return value === undefined ? required : `${required}, not ${kindOf(value)}`;
  if (value.type === 'private' && value.asymmetricKeyType === 'ed25519') return undefined;
  return `${required}, not a ${value.type} ${value.asymmetricKeyType ?? ''} key`.replace('  ', ' ');
});

const db = checked((value) => {
  const required = "must be a Knex of PostgreSQL (client: 'pg')";
  if (value === undefined) return required;
  const dialect = memberOf(memberOf(value, 'client'), 'dialect');
  const isKnex = isFunction(memberOf(value, 'raw')) && isFunction(memberOf(value, 'transaction'));
  if (!isKnex || typeof dialect !== 'string') return `${required}, not ${kindOf(value)}`;
  if (memberOf(value, 'isTransaction') === true) return `${required}, not a transaction`;
  return dialect === 'postgresql' ? undefined : `${required}, not one of ${dialect}`;
});

const metrics = checked((value) => {
  const isRegistry = (registry: unknown): boolean =>
    ['registerMetric', 'getSingleMetric', 'removeSingleMetric'].every((name) => isFunction(memberOf(registry, name)));
  if (isRegistry(value)) return 'must be { registry }: write metrics: { registry } instead of metrics: registry';
  return isRegistry(memberOf(value, 'registry')) ? undefined : 'must be { registry }, with a Registry of prom-client';
});

/** Methods of `host.federation` that a host may leave out. The features that need a missing method are then off. */
const OPTIONAL_METHODS = [
  'makeLeave',
  'sendLeave',
  'queryDevices',
  'lookupState',
  'verifyKeys',
  'listRetries',
  'retryNow',
];
const optionalMethod = checked((value) => (isFunction(value) ? undefined : `must be a function, not ${kindOf(value)}`));
const pattern = checked((value) => (value instanceof RegExp ? undefined : `must be a RegExp, not ${kindOf(value)}`));

const hostSchema = z.object(
  {
    serverName,
    virtualHosts: z.array(serverName).optional(),
    db,
    signingKeys: z.array(
      z.object({
        serverName,
        keyId: z.string().regex(/^ed25519:\w+$/, 'must be a key id such as ed25519:auto'),
        privateKey,
      }),
    ),
    logger: withMethods('debug', 'info', 'warn', 'error').optional(),
    metrics: metrics.optional(),
    appservices: z
      .array(
        z.object({
          id: z.string(),
          asToken: z.string().min(1),
          userNamespaces: z.array(pattern),
        }),
      )
      .optional(),
    federation: withMethods('wake').optional(),
    notifier: withMethods('roomsChanged', 'usersChanged').optional(),
    caches: withMethods('dropRooms', 'dropUsers').optional(),
    media: withMethods('remove', 'sizeOf').optional(),
  },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'must be an object with serverName, db and signingKeys' : undefined,
  },
);

const federationSchema = z.object(
  Object.fromEntries(OPTIONAL_METHODS.map((name) => [name, optionalMethod.optional()])),
);

const mediaSchema = z.object({ list: optionalMethod.optional() });

/**
 * Lists the mistakes in a host, one sentence for each. A host may have members that the plugin does not know. But an unknown
 * member is a mistake if its name looks like a misspelling of a known name.
 */
export function mistakesOfHost(host: unknown): readonly string[] {
  const federation = memberOf(host, 'federation');
  const media = memberOf(host, 'media');
  return [
    ...readSetting('host', hostSchema, host).mistakes,
    ...(isFunction(memberOf(federation, 'wake'))
      ? readSetting('host.federation', federationSchema, federation).mistakes
      : []),
    ...(isFunction(memberOf(media, 'remove')) ? readSetting('host.media', mediaSchema, media).mistakes : []),
    ...misspelt('host', host, Object.keys(hostSchema.shape)),
    ...misspelt('host.federation', federation, ['wake', ...OPTIONAL_METHODS]),
    ...misspelt('host.media', media, ['remove', 'sizeOf', 'list']),
  ];
}

function misspelt(name: string, value: unknown, known: readonly string[]): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const missing = known.filter((member) => memberOf(value, member) === undefined);
  return Object.keys(value)
    .filter((member) => !known.includes(member) && nearestName(member, missing) !== undefined)
    .map((member) => `${name}.${unknownName(member, missing)}`);
}

/**
 * Lists conflicts between the members of a host, and between the size of its connection pool and the option
 * `limits.connections`. Call it after `mistakesOfHost()` has found no mistake.
 * @param connections the option `limits.connections`; `undefined` if the options are not valid
 */
export function conflictsOfHost(host: Host, connections: number | undefined): readonly string[] {
  const names = [host.serverName, ...(host.virtualHosts ?? [])];
  return [
    ...names
      .filter((name) => !host.signingKeys.some((key) => key.serverName === name))
      .map((name) => `host.signingKeys has no key for ${name}: each local server name needs a key to sign its events`),
    ...host.signingKeys.flatMap((key, i) =>
      names.includes(key.serverName)
        ? []
        : [
            `host.signingKeys.${i}.serverName is ${key.serverName}, which is neither serverName nor one of virtualHosts: remove it, or add the name to virtualHosts`,
          ],
    ),
    ...(connections === undefined ? [] : poolConflicts(host, connections)),
  ];
}

function poolConflicts({ db: { client } }: Host, connections: number): string[] {
  const size = memberOf(memberOf(client, 'pool'), 'max');
  if (typeof size !== 'number' || size > connections) return [];
  return [
    `host.db has a pool of ${size} connections, but needs ${connections + 1}: ${connections} for jobs (options.limits.connections) ` +
      'and one more. Raise pool.max of Knex, or lower options.limits.connections (2 or more)',
  ];
}
