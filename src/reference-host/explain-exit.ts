import { describeError } from '../homeserver/index.ts';

/** Remedies for errors of the operating system. A key has the error code and the system call. */
const REMEDIES: Readonly<Record<string, string>> = {
  'EADDRINUSE listen': 'another program uses the port: set PORT (or FEDERATION_PORT) to a free one, 0 for any',
  'EACCES listen': 'this user may not use the port: set PORT to 1024 or above',
  'EACCES mkdir': 'this user may not write here: run it in a folder of your own',
  'EACCES open': 'this user may not write here, or another user owns the file: run it in a folder of your own',
  'EPERM open': 'this user may not write here, or another user owns the file: run it in a folder of your own',
  'EROFS mkdir': 'the file system is read-only: run it in a folder that can be written',
  'EROFS open': 'the file system is read-only: run it in a folder that can be written',
  'ENOENT mkdir': 'the folder cannot be created here: run it in a folder that can be written',
  'ENOSPC write': 'the disk is full: free some space on it',
};

/**
 * Returns the text that a process prints when it exits because of an error: what has failed, and the remedy if `REMEDIES` has
 * one.
 */
export function explainExit(thrown: unknown): string {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const failed: NodeJS.ErrnoException = error;
  const remedy = REMEDIES[`${failed.code} ${failed.syscall}`];
  return remedy === undefined ? describeError(error) : `${describeError(error)}: ${remedy}`;
}
