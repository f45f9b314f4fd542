import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FixtureHomeserver, fixture } from '../reference-host/fixture-homeserver.ts';
import { startClientHomeserver } from './client-homeserver.ts';
import { installNpmPackages, type NpmPackages } from './npm-packages.ts';

/** The parts of the package that this test uses. */
interface JsSdk {
  readonly createClient: (options: Record<string, unknown>) => MatrixClient;
}

interface MatrixClient {
  readonly isSynapseAdministrator: () => Promise<boolean>;
  readonly whoisSynapseUser: (userId: string) => Promise<unknown>;
  readonly deactivateSynapseUser: (userId: string) => Promise<unknown>;
  readonly getCapabilities: () => Promise<unknown>;
  readonly http: {
    readonly authedRequest: (
      method: string,
      path: string,
      query: Record<string, string> | undefined,
      body: unknown,
      options: { readonly prefix: string },
    ) => Promise<unknown>;
  };
}

const { admin, alice, erin } = fixture.users;

let packages: NpmPackages;
let server: FixtureHomeserver;
let asAdmin: MatrixClient;
let asAlice: MatrixClient;

beforeAll(async () => {
  packages = await installNpmPackages(['matrix-js-sdk@43.0.0']);
  const { createClient }: JsSdk = packages.load('matrix-js-sdk');
  server = await startClientHomeserver();
  const clientOf = ({ user_id: userId, access_token: accessToken }: typeof admin): MatrixClient =>
    createClient({ baseUrl: server.origin, userId, accessToken });
  asAdmin = clientOf(admin);
  asAlice = clientOf(alice);
});
afterAll(async () => {
  await server?.stop();
  await packages?.remove();
});

describe('matrix-js-sdk', () => {
  test('who is an administrator', async () => {
    expect(await asAdmin.isSynapseAdministrator()).toBe(true);
    await expect(asAlice.isSynapseAdministrator()).rejects.toMatchObject({ errcode: 'M_FORBIDDEN', httpStatus: 403 });
  });

  test('whois', async () => {
    expect(await asAdmin.whoisSynapseUser(alice.user_id)).toMatchObject({
      user_id: alice.user_id,
      devices: { shared_secret_registration: expect.anything() },
    });
  });

  test('suspending and locking, with the capability', async () => {
    const moderate = (method: string, what: string, body?: unknown): Promise<unknown> =>
      asAdmin.http.authedRequest(method, `/admin/${what}/${encodeURIComponent(erin.user_id)}`, undefined, body, {
        prefix: '/_matrix/client/v1',
      });
    expect(await asAdmin.getCapabilities()).toMatchObject({ 'm.account_moderation': { suspend: true, lock: true } });
    expect(await asAlice.getCapabilities()).not.toHaveProperty('m.account_moderation');
    expect(await moderate('PUT', 'suspend', { suspended: true })).toEqual({ suspended: true });
    expect(await moderate('GET', 'suspend')).toEqual({ suspended: true });
    expect(await moderate('PUT', 'lock', { locked: true })).toEqual({ locked: true });
    expect(await moderate('PUT', 'lock', { locked: false })).toEqual({ locked: false });
  });

  test('deactivating', async () => {
    expect(await asAdmin.deactivateSynapseUser(erin.user_id)).toEqual({ id_server_unbind_result: 'success' });
    expect((await server.call('erin', 'GET', '/_matrix/client/v3/account/whoami')).status).toBe(401);
  });
});
