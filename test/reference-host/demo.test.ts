import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { makeScratchDirectory } from '../support/scratch-directory.ts';

const DEMO = fileURLToPath(new URL('../../dist/reference-host/demo.js', import.meta.url));

it('the demo runs to its end, says how many events it has indexed, and leaves nothing', {
  timeout: 60_000,
}, async () => {
  const directory = await makeScratchDirectory('demo-');
  const { PATH, HOME } = process.env;
  const options = { cwd: directory, env: { PATH, HOME, DEMO_EVENTS: '300' } };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [DEMO], options);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/100\.0 % {2}\d+ of \d+ .*succeeded\nIndexed \d+ events in \d+\.\d{3}s\n/);
  expect(stdout).not.toMatch(/NaN|undefined/);
  expect(stdout).toMatch(/"created_by": "@admin:/);
  expect(await readdir(join(directory, '.data'))).toEqual([]);
  await rm(directory, { recursive: true });
});
