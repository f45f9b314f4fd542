import { beforeAll, describe, expect, it } from 'vitest';
import { jsonOf } from '../../support/http-client.ts';
import { BOB, NOTHING, standingTests } from '../../support/standing-tests.ts';

const LIMIT = `users/${BOB}/override_ratelimit`;
const KEYS = `users/${BOB}/_allow_cross_signing_replacement_without_uia`;

const { db, send, check } = standingTests(['allowCrossSigningReplacement'], [['POST', KEYS, undefined]]);

/** Gives the user a master key. */
const key = (data: string): Promise<unknown> =>
  db()('public.keyserver_cross_signing_keys')
    .insert({ user_id: BOB, key_type: 1, key_data: data })
    .onConflict(['user_id', 'key_type'])
    .merge();
beforeAll(() => key('before the tests'));

describe('the replacement of cross-signing keys', () => {
  it('is allowed for ten minutes, and only for the current key', async () => {
    await key('first');
    const before = Date.now();
    const { updatable_without_uia_before_ms: until } = jsonOf(await send('POST', KEYS));
    expect(until).toBeGreaterThanOrEqual(before + 600_000);
    expect(until).toBeLessThanOrEqual(Date.now() + 600_000);
    expect(await check()).toEqual({ ...NOTHING, keysReplaceableUntil: until });
    await key('second');
    await send('DELETE', LIMIT);
    expect(await check()).toEqual(NOTHING);
    await send('POST', KEYS);
    expect((await check()).keysReplaceableUntil).toBeGreaterThan(before);
    await db()('public.keyserver_cross_signing_keys').where({ user_id: BOB }).delete();
  });
});
