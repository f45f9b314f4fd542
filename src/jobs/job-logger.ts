import type { Logger } from '../host.ts';
import type { Job } from './job.ts';

/** Returns a logger that adds the job's kind and id to every line. */
export function jobLogger(logger: Logger, { id, kind }: Pick<Job, 'id' | 'kind'>): Logger {
  const bind =
    (level: keyof Logger) =>
    (fields: Record<string, unknown>, message: string): void =>
      logger[level]({ job: kind, jobId: id, ...fields }, message);
  return { debug: bind('debug'), info: bind('info'), warn: bind('warn'), error: bind('error') };
}
