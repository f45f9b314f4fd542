import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAdminPlugin } from '../../../src/index.ts';
import { createSigningKey, SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf, recording } from '../../support/recordings.ts';

const DENDRITE = '/_dendrite/admin/registrationTokens';
const SYNAPSE = '/_synapse/admin/v1/registration_tokens';
const VALIDITY = '/_matrix/client/v1/register/m.login.registration_token/validity';

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({ options: { registration: { requiresToken: true } } });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const send = (method: string, path: string, body?: unknown): Promise<Answer> =>
  plugin.asAdmin(path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
const isValid = async (token: string): Promise<unknown> =>
  jsonOf(await plugin.request(`${VALIDITY}?token=${encodeURIComponent(token)}`)).valid;

interface Token {
  readonly token: string;
}
const tokensOf = (body: unknown): Token[] => (body as { registration_tokens: Token[] }).registration_tokens;

describe('registration tokens', () => {
  it('are listed as Dendrite lists them', async () => {
    const byName = (a: Token, b: Token): number => (a.token < b.token ? -1 : 1);
    const recorded = tokensOf(recording('registrationTokens-list').body).toSorted(byName);
    for (const path of [DENDRITE, SYNAPSE]) {
      expect(tokensOf(jsonOf(await send('GET', path))).toSorted(byName)).toEqual(recorded);
    }
  });

  it('are created as Dendrite creates them', async () => {
    const recorded = recording('registrationTokens-new');
    const changes = await changesOf(db, async () => {
      const { token } = recorded.body as Token;
      const answer = await send('POST', `${DENDRITE}/new`, { token, uses_allowed: 1 });
      expect([answer.status, jsonOf(answer)]).toEqual([recorded.status, recorded.body]);
    });
    expect(changes).toEqual(recorded.tables);
  });

  it('have a random name of the requested length', async () => {
    const names = await Promise.all(
      [undefined, 1, 64].map(async (length) => jsonOf(await send('POST', `${SYNAPSE}/new`, { length })).token),
    );
    expect(names.map((name) => String(name).length)).toEqual([16, 1, 64]);
  });

  it.each<[unknown, number]>([
    [{ token: 'a b' }, 400],
    [{ token: 'a/b' }, 400],
    [{ token: 'token@' }, 400],
    [{ token: 'ü' }, 400],
    [{ token: '' }, 400],
    [{ token: 'x'.repeat(65) }, 400],
    [{ token: 5 }, 400],
    [{ length: 0 }, 400],
    [{ length: 65 }, 400],
    [{ length: 1.5 }, 400],
    [{ uses_allowed: -1 }, 400],
    [{ uses_allowed: '1' }, 400],
    [{ uses_allowed: true }, 400],
    [{ expiry_time: 1 }, 400],
    [{ expiry_time: 'tomorrow' }, 400],
    [{ token: 'welcome' }, 409],
  ])('are not created from %j', async (body, status) => {
    const changes = await changesOf(db, async () => {
      const answer = await send('POST', `${SYNAPSE}/new`, body);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([status, 'M_INVALID_PARAM']);
    });
    expect(changes).toEqual({});
  });

  it('can exceed 32 bits, change, and be deleted', async () => {
    const name = 'A.b_c~d-9';
    expect((await send('POST', `${DENDRITE}/new`, { token: name, uses_allowed: 2 ** 40 })).status).toBe(200);
    const path = `${DENDRITE}/${name}`;
    expect(jsonOf(await send('GET', path))).toMatchObject({ token: name, uses_allowed: 2 ** 40, expiry_time: null });
    const later = Date.now() + 60_000;
    const put = async (body: unknown): Promise<unknown> => jsonOf(await send('PUT', path, body));
    expect(await put({ expiry_time: later })).toMatchObject({ uses_allowed: 2 ** 40, expiry_time: later });
    expect(await put({ uses_allowed: null })).toMatchObject({ uses_allowed: null, expiry_time: later });
    expect(await put({})).toMatchObject({ uses_allowed: null, expiry_time: later });
    expect(await put({ expiry_time: 1 })).toMatchObject({ errcode: 'M_INVALID_PARAM' });
    expect(jsonOf(await send('DELETE', path))).toEqual({});
    for (const method of ['GET', 'DELETE']) expect((await send(method, path)).status).toBe(404);
    expect(await put({})).toEqual({ errcode: 'M_NOT_FOUND', error: `token: ${name} not found` });
  });

  it('are listed by whether they can be used', async () => {
    await send('POST', `${DENDRITE}/new`, { token: 'zero', uses_allowed: 0 });
    const names = async (valid: string): Promise<string[]> =>
      tokensOf(jsonOf(await send('GET', `${SYNAPSE}?valid=${valid}`))).map(({ token }) => token);
    expect(await names('false')).toEqual(['zero']);
    expect(await names('true')).not.toContain('zero');
    // matrix-bot-sdk requests all tokens with an empty `valid`.
    expect(await names('')).toEqual(tokensOf(jsonOf(await send('GET', SYNAPSE))).map(({ token }) => token));
    for (const valid of ['maybe', 'TRUE']) expect((await send('GET', `${SYNAPSE}?valid=${valid}`)).status).toBe(400);
  });

  it('show anyone whether they can be used', async () => {
    const answers = [await isValid('welcome'), await isValid('zero'), await isValid('nope'), await isValid('')];
    expect(answers).toEqual([true, false, false, false]);
    const without = await plugin.request(VALIDITY);
    expect([without.status, jsonOf(without).errcode]).toEqual([400, 'M_MISSING_PARAM']);
  });

  it('are never used more often than allowed, even by a hundred concurrent requests over two processes', async () => {
    await send('POST', `${DENDRITE}/new`, { token: 'five', uses_allowed: 5 });
    const other = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys: [createSigningKey()] });
    const [ours, theirs] = [plugin.admin.registrationTokens, other.registrationTokens];
    const used = await Promise.all(Array.from({ length: 100 }, (_, i) => (i % 2 ? ours : theirs).use('five')));
    expect(used.filter(Boolean)).toHaveLength(5);
    await ours.release('five', 'completed');
    await theirs.release('five', 'abandoned');
    expect(jsonOf(await send('GET', `${DENDRITE}/five`))).toMatchObject({ pending: 3, completed: 1 });
    expect([await ours.use('five'), await ours.use('five')]).toEqual([true, false]);
    await other.stop();
  });

  it("are not created at Dendrite's path if registration needs no token", async () => {
    const without = await mountPlugin({ database: plugin.database });
    const answer = await without.asAdmin(`${DENDRITE}/new`, { method: 'POST', body: '{}' });
    expect([answer.status, jsonOf(answer)]).toEqual([
      403,
      { errcode: 'M_FORBIDDEN', error: 'Registration via tokens is not enabled on this homeserver' },
    ]);
    expect((await without.asAdmin(`${SYNAPSE}/new`, { method: 'POST', body: '{}' })).status).toBe(200);
    await without.close();
  });
});
