import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { USERS } from '../support/dendrite-server.ts';
import { ALL_ROUTES, bearer, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { createPythonEnvironment, type PythonEnvironment } from '../support/python-environment.ts';

let python: PythonEnvironment;
let plugin: MountedPlugin;
beforeAll(async () => {
  python = await createPythonEnvironment(['schemathesis==4.32.5']);
  plugin = await mountPlugin({ options: ALL_ROUTES });
});
afterAll(async () => {
  await plugin?.close();
  await python?.remove();
});

it('schemathesis finds no failure and no status that is not documented', async () => {
  const { Authorization } = bearer(USERS.admin.access_token);
  const config = new URL('schemathesis.toml', import.meta.url).pathname;
  const url = `${plugin.origin}/_dendrite/admin/openapi.json`;
  const args = ['--config-file', config, 'run', url, '--header', `Authorization: ${Authorization}`, '--no-color'];
  // Schemathesis keeps a cache in its directory.
  const options = { cwd: python.program('..'), maxBuffer: 2 ** 26 };
  const run = promisify(execFile)(python.program('schemathesis'), args, options);
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  // The output names each failure, and how to repeat it.
  expect(stdout, stdout).not.toMatch(/Failures:|Errors:/);
  expect(Number(/(\d+) generated/.exec(stdout)?.[1])).toBeGreaterThan(2_000);
});
