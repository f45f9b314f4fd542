import { MatrixError } from '../errors.ts';
import { nearestName, plainName } from '../near-name.ts';

type Keys = Readonly<Record<string, unknown>>;

/** Query keys that every route accepts, because they identify the caller. MSC3202 defines the last key. */
const OF_THE_CALLER = ['access_token', 'user_id', 'device_id', 'org.matrix.msc3202.device_id'];

/** A record, and the set of its keys that have been read so far. */
export interface ReadRecord<Value> {
  readonly record: Readonly<Record<string, Value>>;
  readonly wasRead: ReadonlySet<string>;
}

/**
 * Wraps a record, so that `wasRead` contains each key that a route reads from it. These are the keys that the route accepts.
 */
export function watchReads<Value>(source: Readonly<Record<string, Value>>): ReadRecord<Value> {
  const wasRead = new Set<string>();
  const record = new Proxy(source, {
    get: (target, key, receiver) => {
      if (typeof key === 'string') wasRead.add(key);
      return Object.hasOwn(target, key) ? (Reflect.get(target, key, receiver) as unknown) : undefined;
    },
  });
  return { record, wasRead };
}

/**
 * Refuses body and query keys that a route has not read, except query keys that identify the caller. The router calls this
 * function only for operations that change something. Without this check, a misspelt `dry_run` would run the operation for
 * real.
 * @param ignored body keys that clients are known to send although these keys have no effect. They are not refused.
 * @throws MatrixError `M_INVALID_PARAM` that names all unknown keys, each with a similar known key if there is one
 */
export function refuseUnknownKeys(
  body: Keys,
  query: Keys,
  known: { readonly body: ReadonlySet<string>; readonly query: ReadonlySet<string> },
  ignored: readonly string[],
): void {
  const problems = [
    ...unknownKeys(body, known.body, ignored).map((key) => describe(key, 'body', known)),
    ...unknownKeys(query, known.query, OF_THE_CALLER).map((key) => describe(key, 'query', known)),
  ];
  if (problems.length > 0) throw new MatrixError('M_INVALID_PARAM', `${problems.join('; ')}. Nothing was changed.`);
}

const unknownKeys = (given: Keys, known: ReadonlySet<string>, ignored: readonly string[]): string[] =>
  Object.keys(given).filter((key) => !known.has(key) && !ignored.includes(key));

type Place = 'body' | 'query';

function describe(key: string, place: Place, known: Readonly<Record<Place, ReadonlySet<string>>>): string {
  const problem = `unknown parameter "${key.slice(0, 100)}" in the ${place}`;
  const other = place === 'body' ? 'query' : 'body';
  if (known[other].has(key)) return `${problem}: it belongs in the ${other}`;
  for (const where of [place, other] as const) {
    const nearest = nearestName(key, known[where]);
    if (nearest !== undefined) return `${problem}: did you mean "${nearest}" in the ${where}?`;
  }
  return isDryRun(key) ? `${problem}: this operation has no dry run` : problem;
}

const isDryRun = (key: string): boolean => plainName(key) === 'dryrun';
