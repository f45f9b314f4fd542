import type { JobBody } from '../client/admin-client.ts';
import type { Connection } from './connect.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { createJobProgress } from './job-progress.ts';
import type { Terminal } from './terminal.ts';

/**
 * Shows the progress of a job until its end.
 * @returns the ended job
 * @throws CommandError if the job has failed, was cancelled or does not exist, or if the person has pressed Ctrl-C. Ctrl-C does
 * not cancel the job.
 */
export async function followJob(
  { client, keepsJobs, options }: Connection,
  jobId: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<JobBody> {
  const progress = createJobProgress(terminal);
  let last: JobBody | undefined;
  try {
    for await (const job of client.watchJob(jobId, { signal })) {
      last = job;
      progress.show(job);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CommandError(EXIT.interrupted, goingOn(jobId, keepsJobs, options));
  } finally {
    progress.end();
  }
  if (last?.state === 'failed')
    throw new CommandError(EXIT.jobFailed, `The job ${jobId} has failed: ${last.error ?? ''}`);
  if (last?.state === 'cancelled') throw new CommandError(EXIT.jobCancelled, `The job ${jobId} was cancelled.`);
  if (last === undefined) throw new CommandError(EXIT.notFound, `There is no job ${jobId}.`);
  return last;
}

/** Returns a text for a person who stops watching a job. It says whether the job continues, and how to watch or cancel it. */
function goingOn(jobId: string, keepsJobs: boolean, options: string): string {
  const state = keepsJobs
    ? `The job ${jobId} goes on at the homeserver.`
    : `The job ${jobId} is paused. It goes on when you watch it again, or when a homeserver with the plugin starts.`;
  return [
    state,
    `  to watch it:   matrix-admin${options} jobs watch ${jobId}`,
    `  to cancel it:  matrix-admin${options} jobs cancel ${jobId}`,
  ].join('\n');
}
