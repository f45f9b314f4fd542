/** A second process of a bench, on the same database. It stops when it is sent `stop`. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface OtherProcess<Command extends string> {
  /** What the process has sent once it was ready. */
  readonly ready: unknown;
  /** Sends a command, and returns the answer. */
  readonly command: (name: Command) => Promise<unknown>;
  /** Stops the process, unless it has ended already, and waits for its end. */
  readonly stop: () => Promise<void>;
}

/** @param program name of a file of this folder, without its ending */
export async function startProcess<Command extends string = never>(
  program: string,
  connectionString: string,
): Promise<OtherProcess<Command>> {
  const child = fork(fileURLToPath(new URL(`./${program}.js`, import.meta.url)), [connectionString]);
  const exited = once(child, 'exit');
  const answer = async (): Promise<unknown> => (await once(child, 'message'))[0];
  return {
    ready: await answer(),
    command: (name) => {
      child.send(name);
      return answer();
    },
    stop: async () => {
      if (child.connected) child.send('stop');
      await exited;
    },
  };
}
