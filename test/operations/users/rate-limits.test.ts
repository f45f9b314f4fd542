import { describe, expect, it } from 'vitest';
import { jsonOf } from '../../support/http-client.ts';
import { BOB, standingTests } from '../../support/standing-tests.ts';

const LIMIT = `users/${BOB}/override_ratelimit`;

const { send, check } = standingTests(
  ['setUserRateLimit', 'deleteUserRateLimit'],
  [
    ['POST', LIMIT, { messages_per_second: 1 }],
    ['DELETE', LIMIT, undefined],
  ],
);

describe('a rate limit', () => {
  it('takes effect at once, until it is removed', async () => {
    expect(jsonOf(await send('GET', LIMIT))).toEqual({});
    await send('POST', LIMIT, { messages_per_second: 5, burst_count: 10 });
    expect(jsonOf(await send('GET', LIMIT))).toEqual({ messages_per_second: 5, burst_count: 10 });
    expect((await check()).rateLimit).toEqual({ messagesPerSecond: 5, burstCount: 10 });
    await send('POST', LIMIT, {});
    expect((await check()).rateLimit).toEqual({ messagesPerSecond: 0, burstCount: 0 });
    await send('DELETE', LIMIT);
    expect((await check()).rateLimit).toBeUndefined();
  });

  it.each([{ messages_per_second: 2 ** 31 }, { burst_count: 0.5 }, { burst_count: null }, { burst: 1 }])(
    'is refused: %j',
    async (body) => {
      const answer = await send('POST', LIMIT, body);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
    },
  );
});
