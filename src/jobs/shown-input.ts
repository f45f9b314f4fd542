import type { Job, JobData } from './job.ts';

/**
 * What is shown of the input of jobs, by kind. What is not listed is not shown: no text of a message, and nothing secret, may be.
 * A kind that is not here is of another version of the package, and shows nothing.
 */
export const SHOWN_INPUT: Readonly<Record<string, readonly string[] | undefined>> = {
  fulltextReindex: [],
  deactivateUser: ['userId', 'erase', 'dryRun'],
  deleteRoom: ['roomId', 'block', 'purge', 'forcePurge', 'newRoomUserId', 'roomName', 'dryRun'],
  downloadState: ['serverName', 'roomId', 'dryRun'],
  evacuateRoom: ['roomId', 'invites', 'knocks', 'dryRun'],
  evacuateUser: ['userId', 'dryRun'],
  purgeRoom: ['roomId', 'evacuate', 'block', 'reason', 'keep', 'dryRun'],
  refreshDevices: ['userId', 'dryRun'],
  sendServerNotices: ['type', 'stateKey', 'userIds', 'dryRun'],
};

/** What callers see of a job's input. */
export function shownInput({ kind, input }: Pick<Job, 'kind' | 'input'>): JobData | null {
  const shown = SHOWN_INPUT[kind];
  return shown ? Object.fromEntries(Object.entries(input).filter(([key]) => shown.includes(key))) : null;
}
