/** A second process of the homeserver, with nothing but the plugin on the same database. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface OtherProcess {
  readonly stop: () => Promise<void>;
}

export async function startProcess(connectionString: string): Promise<OtherProcess> {
  const child = fork(fileURLToPath(new URL('./plugin-process.js', import.meta.url)), [connectionString]);
  const exited = once(child, 'exit');
  await once(child, 'message');
  return {
    stop: async () => {
      child.send('stop');
      await exited;
    },
  };
}
