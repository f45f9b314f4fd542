import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FixtureHomeserver, Json } from '../reference-host/fixture-homeserver.ts';
import { createPythonEnvironment, type PythonEnvironment } from '../support/python-environment.ts';
import { SHARED_SECRET, startClientHomeserver } from './client-homeserver.ts';

const run = promisify(execFile);

let python: PythonEnvironment;
let server: FixtureHomeserver;
beforeAll(async () => {
  python = await createPythonEnvironment(['matrix-synapse==1.163.2']);
  server = await startClientHomeserver();
});
afterAll(async () => {
  await server?.stop();
  await python?.remove();
});

const register = async (...args: string[]): Promise<string> => {
  const { stdout } = await run(python.program('register_new_matrix_user'), [...args, server.origin]);
  return stdout;
};
const secret = ['--shared-secret', SHARED_SECRET];

const logIn = async (user: string, password: string): Promise<{ status: number; body: Json }> => {
  const identifier = { type: 'm.id.user', user };
  return server.call(undefined, 'POST', '/_matrix/client/v3/login', { type: 'm.login.password', identifier, password });
};

describe("Synapse's register_new_matrix_user", () => {
  test('creates users', async () => {
    expect(await register(...secret, '-u', 'kim', '-p', 'the password of kim', '--no-admin')).toContain('Success');
    expect((await logIn('kim', 'the password of kim')).body).toMatchObject({ user_id: '@kim:localhost:18448' });
  });

  test('creates administrators', async () => {
    expect(await register(...secret, '-u', 'root', '-p', 'the password of root', '--admin')).toContain('Success');
    const { body } = await logIn('root', 'the password of root');
    const headers = { authorization: `Bearer ${body.access_token}` };
    expect((await fetch(new URL('/_dendrite/admin/jobs', server.origin), { headers })).status).toBe(200);
  });

  test('reports an existing user, and continues if told to expect one', async () => {
    const again = [...secret, '-u', 'alice', '-p', 'a password of alice', '--no-admin'];
    await expect(register(...again)).rejects.toMatchObject({ code: 1 });
    expect(await register('--exists-ok', ...again)).toContain('already exists');
  });

  test('is refused without the secret', async () => {
    const guess = ['--shared-secret', 'no secret', '-u', 'mallory', '-p', 'a password', '--no-admin'];
    await expect(register(...guess)).rejects.toMatchObject({ code: 1 });
    expect((await logIn('mallory', 'a password')).status).toBe(403);
  });
});
