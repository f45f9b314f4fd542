import type { Job, JobData } from './job.ts';

/**
 * The input parameters of jobs that callers may see, by job kind. Do not list parameters with secrets or message texts. If a
 * job's kind is not listed, the job comes from another version of the package, and callers see none of its input.
 */
export const SHOWN_INPUT: Readonly<Record<string, readonly string[] | undefined>> = {
  checkMedia: ['repair', 'dryRun'],
  deactivateUser: ['userId', 'erase', 'remove', 'media', 'dryRun'],
  deleteMedia: ['serverName', 'mediaId', 'dryRun'],
  deleteOldMedia: ['origin', 'beforeTs', 'sizeGt', 'keepProfiles', 'dryRun'],
  deleteRoom: ['roomId', 'block', 'purge', 'forcePurge', 'newRoomUserId', 'roomName', 'media', 'dryRun'],
  deleteRoomMedia: ['roomId', 'media', 'dryRun'],
  deleteUserMedia: ['userId', 'orderBy', 'direction', 'limit', 'from', 'dryRun'],
  downloadState: ['serverName', 'roomId', 'dryRun'],
  evacuateRoom: ['roomId', 'invites', 'knocks', 'dryRun'],
  evacuateUser: ['userId', 'dryRun'],
  exportUser: ['userId'],
  purgeAbandonedRooms: ['dryRun'],
  purgeExpiredHistory: ['media', 'dryRun'],
  purgeHistory: ['roomId', 'eventId', 'upToTs', 'deleteLocalEvents', 'media', 'dryRun'],
  purgeMediaCache: ['beforeTs', 'dryRun'],
  purgeRoom: ['roomId', 'evacuate', 'block', 'reason', 'keep', 'onlyIfEmpty', 'media', 'dryRun'],
  rebuildSummaries: ['dryRun'],
  redactUserEvents: [
    'userId',
    'rooms',
    'reason',
    'limit',
    'useAdmin',
    'afterTs',
    'beforeTs',
    'types',
    'media',
    'dryRun',
  ],
  refreshDevices: ['userId', 'dryRun'],
  reindexFulltext: [],
  runBulk: ['token'],
  sendServerNotices: ['type', 'stateKey', 'userIds', 'dryRun'],
};

/** Returns the part of a job's input that callers may see, or `null` if the kind is not listed. */
export function shownInput({ kind, input }: Pick<Job, 'kind' | 'input'>): JobData | null {
  const shown = SHOWN_INPUT[kind];
  return shown ? Object.fromEntries(Object.entries(input).filter(([key]) => shown.includes(key))) : null;
}
