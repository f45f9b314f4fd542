import type { Job, JobData } from './job.ts';

/**
 * The parameters of a job's input that callers see, by kind. Secrets and texts of messages must not be listed. A kind that is
 * missing here comes from another version of the package, and shows nothing.
 */
export const SHOWN_INPUT: Readonly<Record<string, readonly string[] | undefined>> = {
  deactivateUser: ['userId', 'erase', 'dryRun'],
  deleteRoom: ['roomId', 'block', 'purge', 'forcePurge', 'newRoomUserId', 'roomName', 'dryRun'],
  downloadState: ['serverName', 'roomId', 'dryRun'],
  evacuateRoom: ['roomId', 'invites', 'knocks', 'dryRun'],
  evacuateUser: ['userId', 'dryRun'],
  purgeAbandonedRooms: ['dryRun'],
  purgeRoom: ['roomId', 'evacuate', 'block', 'reason', 'keep', 'onlyIfEmpty', 'dryRun'],
  refreshDevices: ['userId', 'dryRun'],
  reindexFulltext: [],
  runBulk: ['token'],
  sendServerNotices: ['type', 'stateKey', 'userIds', 'dryRun'],
};

/** The part of a job's input that callers see. */
export function shownInput({ kind, input }: Pick<Job, 'kind' | 'input'>): JobData | null {
  const shown = SHOWN_INPUT[kind];
  return shown ? Object.fromEntries(Object.entries(input).filter(([key]) => shown.includes(key))) : null;
}
