import { describeError, toError } from '../errors.ts';

/** What to do about errors of the operating system, by code and the call that failed. */
const REMEDIES: Readonly<Record<string, string>> = {
  'EADDRINUSE listen': 'another program has the port: set PORT (or FEDERATION_PORT) to a free one, 0 for any',
  'EACCES listen': 'this user may not use the port: set PORT to 1024 or above',
  'EACCES mkdir': 'this user may not write here: run it in a folder of your own',
  'EACCES open': 'this user may not write here, or another user has made the file: run it in a folder of your own',
  'EPERM open': 'this user may not write here, or another user has made the file: run it in a folder of your own',
  'EROFS mkdir': 'the file system is read-only: run it in a folder that can be written',
  'EROFS open': 'the file system is read-only: run it in a folder that can be written',
  'ENOENT mkdir': 'the folder can not be made here: run it in a folder that can be written',
  'ENOSPC write': 'the disk is full: make room on it',
};

/** What the process says before it ends because of an error: what has failed, and what to do where that is known. */
export function explainExit(thrown: unknown): string {
  const error = toError(thrown);
  const failed: NodeJS.ErrnoException = error;
  const remedy = REMEDIES[`${failed.code} ${failed.syscall}`];
  return remedy === undefined ? describeError(error) : `${describeError(error)}: ${remedy}`;
}
