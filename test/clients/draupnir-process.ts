import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fixture } from '../reference-host/fixture-homeserver.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';

/** A running Draupnir. */
export interface Draupnir {
  /** What the process has printed. */
  readonly log: () => string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts Draupnir as the administrator of the recorded data.
 * @param directory Draupnir's repository, built
 * @throws Error if Draupnir is not built
 */
export async function startDraupnir(
  directory: string,
  homeserverUrl: string,
  managementRoom: string,
): Promise<Draupnir> {
  const program = join(directory, 'apps/draupnir/dist/index.js');
  await access(program).catch((error: Error) => {
    throw new Error(`DRAUPNIR_DIR must contain Draupnir, built: ${error.message}`, { cause: error });
  });
  const dataPath = await makeScratchDirectory('koa-matrix-admin-draupnir-');
  const config = join(dataPath, 'config.yaml');
  const settings = {
    homeserverUrl,
    rawHomeserverUrl: homeserverUrl,
    accessToken: fixture.users.admin.access_token,
    dataPath,
    managementRoom,
    autojoinOnlyIfManager: true,
    pollReports: true,
    displayReports: true,
    backgroundDelayMS: 50,
    admin: { enableMakeRoomAdminCommand: true },
  };
  await writeFile(config, JSON.stringify(settings));
  const options = { cwd: directory, env: { ...process.env, NODE_ENV: 'production' } };
  const child: ChildProcess = spawn(process.execPath, [program, '--draupnir-config', config], options);
  let printed = '';
  child.stdout?.on('data', (chunk) => (printed += chunk));
  child.stderr?.on('data', (chunk) => (printed += chunk));
  return {
    log: () => printed,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
      await rm(dataPath, { recursive: true });
    },
  };
}
