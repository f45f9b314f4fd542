import { describe, expect, it } from 'vitest';
import { jsonOf } from '../../support/http-client.ts';
import { BOB, NOTHING, standingTests } from '../../support/standing-tests.ts';

const FEATURES = `experimental_features/${BOB}`;

const { send, check } = standingTests(
  ['setExperimentalFeatures'],
  [
    ['PUT', FEATURES, { features: { msc3881: true } }],
    ['PUT', FEATURES, { features: { msc3881: false } }],
  ],
);

describe('experimental features', () => {
  it('are switched on and off one by one', async () => {
    await send('PUT', FEATURES, { features: { msc3881: true, msc4222: true } });
    expect((await check()).features).toEqual(['msc3881', 'msc4222']);
    await send('PUT', FEATURES, { features: { msc3881: false } });
    expect(jsonOf(await send('GET', FEATURES))).toEqual({
      features: { msc3881: false, msc3575: false, msc4222: true },
    });
    await send('PUT', FEATURES, { features: { msc4222: false } });
    expect(await check()).toEqual(NOTHING);
  });

  it.each([{}, { features: { nope: true } }, { features: { msc3881: 1 } }, { features: [] }])(
    'are refused: %j',
    async (body) => {
      const answer = await send('PUT', FEATURES, body);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([
        400,
        expect.stringMatching(/^M_(INVALID|MISSING)_PARAM$/),
      ]);
      expect(await check()).toEqual(NOTHING);
    },
  );
});
