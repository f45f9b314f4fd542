import type { Knex } from 'knex';
import { z } from 'zod';
import { FederationError, type FederationSender, type ServerKey, type ServerName } from '../../index.ts';
import { hasValidSignature, publicKeyOf } from '../../matrix/index.ts';
import { readServerKeys, type StoredServerKey, storeServerKeys } from '../storage/server-keys.ts';
import type { AskServer } from './federation-client.ts';
import { checkAnswer } from './questions.ts';

const timestamp = z.number().int().nonnegative();
const keysSchema = z.object({
  server_name: z.string(),
  valid_until_ts: timestamp,
  verify_keys: z.record(z.string(), z.object({ key: z.string() })),
  old_verify_keys: z.record(z.string(), z.object({ key: z.string(), expired_ts: timestamp })).default({}),
});

/**
 * Maximum time for which a key counts as valid after it was requested, even if its server names a longer time. Source:
 * Server-Server API, "Publishing Keys".
 */
const MAX_VALIDITY_MS = 7 * 24 * 3_600_000;

export type VerifyKeys = NonNullable<FederationSender['verifyKeys']>;

/**
 * Creates the function that returns those of the wanted signing keys of another server that are valid until
 * `minimumValidUntilTs`. If the database does not have all of these keys, the function requests the keys from the other server,
 * and stores them. The function does not ask notaries, which are servers that pass on the keys of other servers. It throws
 * FederationError if the other server does not answer as expected.
 */
export function createServerKeys(db: Knex, ask: AskServer): VerifyKeys {
  return async ({ origin, destination, keyIds, minimumValidUntilTs = 0 }, { signal }) => {
    const isGood = ({ validUntilTs }: StoredServerKey): boolean => validUntilTs >= minimumValidUntilTs;
    const known = await readServerKeys(db, destination, keyIds);
    const good = known.filter(isGood);
    // A request would not bring better data for these keys: the other server no longer uses them, so their end of validity
    // never changes.
    const final = known.filter(({ isOld, validUntilTs }) => isOld && validUntilTs < minimumValidUntilTs);
    if (good.length + final.length >= new Set(keyIds).size) return good.flatMap((key) => toServerKey(destination, key));

    const published = await askForKeys(ask, { origin, destination }, signal);
    await storeServerKeys(db, destination, published);
    // Keys in the database stay usable if the other server no longer publishes them.
    const publishedIds = new Set(published.map(({ keyId }) => keyId));
    return [...good.filter(({ keyId }) => !publishedIds.has(keyId)), ...published]
      .filter((key) => keyIds.includes(key.keyId) && isGood(key))
      .flatMap((key) => toServerKey(destination, key));
  };
}

function toServerKey(serverName: ServerName, { keyId, publicKey, validUntilTs }: StoredServerKey): ServerKey[] {
  const key = publicKeyOf(publicKey);
  return key === undefined ? [] : [{ serverName, keyId, publicKey: key, validUntilTs }];
}

async function askForKeys(
  ask: AskServer,
  { origin, destination }: { readonly origin: ServerName; readonly destination: ServerName },
  signal: AbortSignal,
): Promise<StoredServerKey[]> {
  const question = { origin, destination, method: 'GET', uri: '/_matrix/key/v2/server', signed: false } as const;
  const answer = await ask(question, { signal, limitMs: 30_000 });
  const checked = checkAnswer(keysSchema, answer, destination);
  const object = z.record(z.string(), z.unknown()).parse(answer);
  const validUntilTs = Math.min(checked.valid_until_ts, Date.now() + MAX_VALIDITY_MS);
  const current = Object.entries(checked.verify_keys).map(
    ([keyId, { key: publicKey }]): StoredServerKey => ({ keyId, publicKey, validUntilTs, isOld: false }),
  );
  const isSigned = current
    .flatMap((key) => toServerKey(destination, key))
    .some((key) => hasValidSignature(object, key));
  if (checked.server_name !== destination || !isSigned) {
    throw new FederationError('bad_answer', `the keys of ${destination} are not signed by it`);
  }
  const old = Object.entries(checked.old_verify_keys).map(
    ([keyId, { key: publicKey, expired_ts: expired }]): StoredServerKey => ({
      keyId,
      publicKey,
      validUntilTs: expired,
      isOld: true,
    }),
  );
  return [...current, ...old];
}
