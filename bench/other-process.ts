/** A second process of a bench. It uses the same database, and stops when it gets the message `stop`. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface OtherProcess<Command extends string> {
  /** The message that the process has sent when it was ready. */
  readonly ready: unknown;
  /** Sends a command to the process. @returns the answer */
  readonly command: (name: Command) => Promise<unknown>;
  /** Stops the process if it is still running, and waits until it has ended. */
  readonly stop: () => Promise<void>;
}

/** Starts the process. @param program name of a file in this folder, without its extension */
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
